"""Word-to-word dictionaries from lines that are translations of each other.

IBM's model 1 in both directions (Brown et al. 1993, Computational Linguistics 19); a pair of words stands in
the dictionary where both directions hold it likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MARKS = ".,;:!?\"'()[]«»„“”‘’…–—-।،؛؟።፣"
UNSPACED = frozenset({"ja", "my", "th", "zh"})
"""Languages without blanks between words: two letters in a row stand for a word there."""
PASSES = 6
LEAST, FEWEST = 0.1, 1.5
"""A pair's probabilities in both directions, multiplied; and how often it must be expected to occur."""

type Integers = NDArray[np.int64]
type Floats = NDArray[np.float64]
type Dictionary = dict[str, list[tuple[str, float]]]


def words(line: str, language: str) -> list[str]:
    """Cut a line into words, in small letters and without the marks beside them."""
    line = line.lower()
    if language in UNSPACED:
        letters = [letter for letter in line if letter.isalnum()]
        return [first + second for first, second in pairwise(letters)]
    return [word for part in line.split() if (word := part.strip(MARKS))]


@dataclass(frozen=True)
class Corpus:
    """Lines of one language as numbers of distinct words.

    Attributes
    ----------
    lines : list of array of int
        Each word of a line once.
    vocabulary : list of str
    """

    lines: list[Integers]
    vocabulary: list[str]

    @cached_property
    def lengths(self) -> Integers:
        """How many words each line has."""
        return np.array([len(line) for line in self.lines])


def corpus(lines: Sequence[str], language: str) -> Corpus:
    """Give every word of some lines a number."""
    numbers: dict[str, int] = {}
    cut = [dict.fromkeys(words(line, language)) for line in lines]
    numbered = [np.array([numbers.setdefault(w, len(numbers)) for w in line], dtype=np.int64) for line in cut]
    return Corpus(numbered, list(numbers))


def translated(source: Corpus, target: Corpus) -> tuple[Integers, Integers, Floats, Floats]:
    """Return pairs of words that share a line: first, second, p(second | first), how often expected."""
    size, ends = len(target.vocabulary), np.cumsum(np.append(0, target.lengths))
    pairs = list(zip(source.lines, target.lines, strict=True))
    key = np.concatenate([np.repeat(s, len(t)) * size + np.tile(t, len(s)) for s, t in pairs])
    place = [start + np.tile(np.arange(len(t)), len(s)) for start, (s, t) in zip(ends, pairs, strict=False)]
    place = np.concatenate(place)
    key, pair = np.unique(key, return_inverse=True)
    first, second = np.divmod(key, size)
    likely = count = np.ones(len(key))
    for _ in range(PASSES):
        share = likely[pair]
        share = share / np.bincount(place, share, ends[-1])[place]
        count = np.bincount(pair, share, len(key))
        likely = count / np.bincount(first, count, len(source.vocabulary))[first]
    return first, second, likely, count


def dictionaries(source: Corpus, target: Corpus) -> tuple[Dictionary, Dictionary]:
    """Return the dictionary from the first language to the second, and the one back, with weights."""
    first, second, there, count = translated(source, target)
    other, one, back, _ = translated(target, source)
    returning = dict(zip(zip(one.tolist(), other.tolist(), strict=True), back.tolist(), strict=True))
    forth: Dictionary = {}
    home: Dictionary = {}
    for i, j, likely, often in zip(
        first.tolist(), second.tolist(), there.tolist(), count.tolist(), strict=True
    ):
        weight = likely * returning[i, j]
        if weight > LEAST and often >= FEWEST:
            a, b = source.vocabulary[i], target.vocabulary[j]
            forth.setdefault(a, []).append((b, weight))
            home.setdefault(b, []).append((a, weight))
    return forth, home

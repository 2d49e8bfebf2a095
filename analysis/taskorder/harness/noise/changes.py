"""What perturbations do to one text that has been cut into pieces.

A change sees the pieces and which of them it may touch. It gives every piece as it is then, in its own place,
and their order: so that what is tied to a piece, a label or an answer, can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from taskorder.harness.noise import keyboards, writing


@dataclass(frozen=True, slots=True)
class Chance:
    """What is changed of all that might be: a share, exact but for rounding by chance; which ones, by chance.

    Attributes
    ----------
    share : float
        Between 0 and 1.
    rng : numpy.random.Generator
    """

    share: float
    rng: np.random.Generator

    def count(self, among: float) -> int:
        """Return the share of a number, rounded up or down so that it is right on average."""
        return int(among * self.share + self.rng.random())

    def some(self, places: Sequence[int], count: int | None = None) -> list[int]:
        """Draw `count` places, or their share; in the order in which they come."""
        count = self.count(len(places)) if count is None else count
        return [places[i] for i in sorted(self.rng.permutation(len(places))[:count].tolist())]


@dataclass(frozen=True, slots=True)
class Changed:
    """Pieces as they are now, each in its old place, and the places that are kept, in their new order."""

    pieces: list[str]
    order: Sequence[int]

    def __str__(self) -> str:
        return "".join([self.pieces[i] for i in self.order])


type Change = Callable[[list[str], Sequence[bool], Chance, str], Changed]
"""From pieces, whether each may be touched, chance, and the language's code. An empty piece ends a word."""


@dataclass(frozen=True, slots=True)
class Noise:
    """One kind of perturbation.

    Attributes
    ----------
    cut : callable
        From a text to its pieces.
    change : Change
    severity : float
        Where none is stated.
    scripts : frozenset of str
        Those in which it changes anything, by their ISO 15924 codes; empty where it does in all.
    """

    cut: Callable[[str], list[str]]
    change: Change
    severity: float
    scripts: frozenset[str] = frozenset()


def typos(pieces: list[str], free: Sequence[bool], chance: Chance, language: str) -> Changed:
    """Mistype a share of the letters: a neighbouring key instead or as well, one left out, or two exchanged.

    A typo stays within its word; the first letter of a word is not left out.
    """
    letters = [i for i, piece in enumerate(pieces) if free[i] and piece[:1].isalpha()]
    chosen = chance.some(letters)
    untouched = set(letters).difference(chosen)
    now = list(pieces)
    for i, (kind, which) in zip(chosen, chance.rng.random((len(chosen), 2)).tolist(), strict=True):
        if kind < 0.25 and i + 1 in untouched and pieces[i + 1] != pieces[i]:
            now[i], now[i + 1] = pieces[i + 1], pieces[i]
        elif kind < 0.5 and i and pieces[i - 1][:1].isalpha() and now[i - 1]:
            now[i] = ""
        else:
            now[i] = _mistyped(pieces, letters, i, which, language, added=kind >= 0.75)
    return Changed(now, range(len(now)))


def _mistyped(
    pieces: list[str], letters: list[int], i: int, which: float, language: str, *, added: bool
) -> str:
    letter, marks = pieces[i][0], pieces[i][1:]
    others = keyboards.neighbours(letter, language) or _of_the_same_script(pieces, letters, letter)
    if not others:
        return pieces[i] + letter
    other = others[int(which * len(others))]
    return pieces[i] + other if added else other + marks


def _of_the_same_script(pieces: list[str], letters: list[int], letter: str) -> list[str]:
    """Return other letters of the text, for scripts that are not typed letter by letter."""
    script = writing.script(letter)
    return sorted({pieces[i][0] for i in letters if writing.script(pieces[i][0]) == script} - {letter})


def case(pieces: list[str], free: Sequence[bool], chance: Chance, language: str) -> Changed:
    """Turn a share of the words: small letters for those with any capitals, all capitals for the others."""
    other = {
        i: changed
        for i, piece in enumerate(pieces)
        if free[i] and (changed := writing.with_other_case(piece, language)) != piece
    }
    return _replaced(pieces, other, chance)


def diacritics(pieces: list[str], free: Sequence[bool], chance: Chance, language: str) -> Changed:  # noqa: ARG001 (a Change)
    """Take the marks off a share of the letters whose marks are accents or vowel points."""
    other = {
        i: bare
        for i, piece in enumerate(pieces)
        if not piece.isascii() and free[i] and (bare := writing.without_accents(piece)) != piece
    }
    return _replaced(pieces, other, chance)


def _replaced(pieces: list[str], other: dict[int, str], chance: Chance) -> Changed:
    now = list(pieces)
    for i in chance.some(list(other)):
        now[i] = other[i]
    return Changed(now, range(len(now)))


def word_drop(pieces: list[str], free: Sequence[bool], chance: Chance, language: str) -> Changed:  # noqa: ARG001 (a Change)
    """Leave out a share of the words, each with a gap; one word at least stays."""
    every = [i for i, piece in enumerate(pieces) if writing.is_word(piece)]
    words = [i for i in every if free[i]]
    count = min(chance.count(len(words)), max(0, len(every) - 1))
    return Changed(pieces, _without(set(chance.some(words, count)), pieces, free))


def word_swap(pieces: list[str], free: Sequence[bool], chance: Chance, language: str) -> Changed:  # noqa: ARG001 (a Change)
    """Exchange a share of the words with the next; not across punctuation, nor a gap that is not free."""
    words = sum(free[i] and writing.is_word(piece) for i, piece in enumerate(pieces))
    count = chance.count(words / 2)
    pairs = _pairs(pieces, free, skip=int(chance.rng.integers(2)))
    if len(pairs) < count:
        pairs = _pairs(pieces, free)
    order = list(range(len(pieces)))
    for i in chance.some(range(len(pairs)), count):
        first, second = pairs[i]
        order[first], order[second] = second, first
    return Changed(pieces, order)


def _pairs(pieces: list[str], free: Sequence[bool], skip: int = 0) -> list[tuple[int, int]]:
    """Pair each word with the next, in every run of words that may move; its first `skip` stay alone."""
    pairs: list[tuple[int, int]] = []
    run = 0
    last: int | None = None
    for i, piece in enumerate(pieces):
        if not free[i] or not (writing.is_gap(piece) or writing.is_word(piece)):
            run, last = 0, None
        elif not writing.is_gap(piece):
            run += 1
            if last is not None and pieces[last] != piece:
                pairs.append((last, i))
                last = None
            elif run > skip:
                last = i
    return pairs


def punctuation(pieces: list[str], free: Sequence[bool], chance: Chance, language: str) -> Changed:  # noqa: ARG001 (a Change)
    """Leave out a share of the punctuation, and put as many commas and the like after other words.

    What joins letters or digits (don't, 3.5) is no punctuation. A text without any counts as having one.
    """
    words = [i for i, piece in enumerate(pieces) if writing.is_word(piece)]
    marks = [i for i in range(len(pieces)) if free[i] and _stands_apart(pieces, i)]
    count = chance.count(max(1, len(marks))) if words else 0
    ends = [i for i in words if free[i] and _ends_a_word(pieces, i)]
    now = list(pieces)
    after = chance.some(ends, count)
    for i, which in zip(after, chance.rng.random(len(after)).tolist(), strict=True):
        signs = _commas(pieces[i])
        now[i] += signs[int(which * len(signs))]
    return Changed(now, _without(set(chance.some(marks, count)), pieces, free))


def _stands_apart(pieces: list[str], i: int) -> bool:
    if not writing.is_punctuation(pieces[i]):
        return False
    beside = (pieces[i - 1][-1:] if i else "", pieces[i + 1][:1] if i + 1 < len(pieces) else "")
    return not all(letter.isalnum() and writing.is_spaced(letter) for letter in beside)


def _ends_a_word(pieces: list[str], i: int) -> bool:
    """Say whether a mark could stand here: no letter, and no other mark, follows."""
    following = pieces[i + 1] if i + 1 < len(pieces) else ""
    return writing.is_gap(following) or (
        writing.is_word(following)
        and not (writing.is_spaced(pieces[i][0]) and writing.is_spaced(following[0]))
    )


COMMAS = {
    "ARABIC": "،؛",
    "CJK": "，；",
    "HIRAGANA": "、",
    "KATAKANA": "、",
    "ETHIOPIC": "፣፤",
    "MYANMAR": "၊",
}


def _commas(word: str) -> str:
    return COMMAS.get(writing.script(word[0]), ",;")


def _without(dropped: set[int], pieces: list[str], free: Sequence[bool]) -> list[int]:
    """Leave pieces out, and one of the two gaps that would meet where they stood."""
    order: list[int] = []
    behind = False
    for i, piece in enumerate(pieces):
        if i in dropped:
            behind = True
        elif (
            behind and free[i] and writing.is_gap(piece) and (not order or writing.is_gap(pieces[order[-1]]))
        ):
            continue
        else:
            behind = False
            order.append(i)
    while behind and order and free[order[-1]] and writing.is_gap(pieces[order[-1]]):
        order.pop()
    return order


CASED = frozenset({"Latn", "Cyrl", "Grek", "Armn", "Copt", "Glag", "Goth", "Cher", "Adlm", "Osge", "Dsrt"})
ACCENTED = frozenset({"Latn", "Cyrl", "Grek", "Arab", "Hebr"})

NOISES: dict[str, Noise] = {
    "typos": Noise(writing.characters, typos, 0.1),
    "case": Noise(writing.words, case, 0.5, CASED),
    "diacritics": Noise(writing.characters, diacritics, 1.0, ACCENTED),
    "word-drop": Noise(writing.words, word_drop, 0.1),
    "word-swap": Noise(writing.words, word_swap, 0.1),
    "punctuation": Noise(writing.words_and_punctuation, punctuation, 0.5),
}

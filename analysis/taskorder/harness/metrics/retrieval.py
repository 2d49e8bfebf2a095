"""Scores of retrieval by embeddings: XTREME's Tatoeba and BUCC, XTREME-R's Mewsli-X and LAReQA.

Embeddings are two matrices of equally many rows, one row an example: of its source sentence and of its
target. They are compared by cosine, in single precision as the official scripts do; of equals the first wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taskorder.harness.examples import PairExample

type Matrix = NDArray[np.float32]
type Integers = NDArray[np.int64]
type Embeddings = tuple[Matrix, Matrix]

TOP = 20
"""Ranks that count for Mewsli-X and LAReQA."""
NEIGHBOURS = 4
"""Neighbours whose mean similarity a candidate pair of BUCC is measured by."""
BLOCK = 1024


def unit(vectors: NDArray[np.floating]) -> Matrix:
    """Scale rows to length 1, in single precision; a row of zeros stays."""
    single = np.asarray(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", single, single))[:, None]
    return (single / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def nearest_rows(queries: Matrix, candidates: Matrix, k: int) -> tuple[Matrix, Integers]:
    """Find for each query the k most similar candidates, the most similar first.

    Parameters
    ----------
    queries : array (N, D)
    candidates : array (M, D)
    k : int

    Returns
    -------
    similarities : array (N, min(k, M))
    rows : array (N, min(k, M))
    """
    parts = [_best(similarities, min(k, len(candidates))) for _, similarities in _blocks(queries, candidates)]
    return np.concatenate([values for values, _ in parts]), np.concatenate([rows for _, rows in parts])


def _best(similarities: Matrix, k: int) -> tuple[Matrix, Integers]:
    if k == 1:
        rows = similarities.argmax(1)[:, None]
    else:
        some = np.sort(np.argpartition(-similarities, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(-np.take_along_axis(similarities, some, 1), axis=1, kind="stable")
        rows = np.take_along_axis(some, order, 1)
    return np.take_along_axis(similarities, rows, 1), rows


def _blocks(queries: Matrix, candidates: Matrix) -> Iterator[tuple[int, Matrix]]:
    for start in range(0, len(queries), BLOCK):
        yield start, queries[start : start + BLOCK] @ candidates.T


def tatoeba_accuracy(embeddings: Embeddings, examples: Sequence[PairExample]) -> float:
    """Return the share of targets whose nearest source is their own.

    As in XTREME the English sentence (target) is the query, and the sentences of the other language (sources)
    are what is searched. The sources of examples with `gold` False are searched, too; empty texts are not.
    """
    sources, targets = map(unit, embeddings)
    queries = np.array([i for i, one in enumerate(examples) if one.gold and one.source and one.target])
    searched = np.array([i for i, one in enumerate(examples) if one.source])
    _, found = nearest_rows(targets[queries], sources[searched], 1)
    return float(np.mean(searched[found[:, 0]] == queries))


def mean_reciprocal_rank(
    embeddings: Embeddings, examples: Sequence[PairExample], top: int | None = TOP
) -> float:
    """Return the mean of 1 / rank of the right target, as XTREME-R scores Mewsli-X.

    Parameters
    ----------
    embeddings : two arrays (N, D)
    examples : sequence of PairExample
        A source is a mention, a target its entity. All distinct targets are searched. Where `gold` is False,
        or the source empty, the target is searched and nothing is asked.
    top : int or None
        A rank beyond counts 0.
    """
    total, queries = 0.0, 0  # term by term: `sum` compensates, and differs in the last digit
    for ranks in _ranks(embeddings, examples):
        rank = int(ranks[0])
        total += 1 / rank if top is None or rank <= top else 0.0
        queries += 1
    return total / queries


def mean_average_precision(
    embeddings: Embeddings, examples: Sequence[PairExample], top: int | None = TOP
) -> float:
    """Return the mean over queries of average precision, as XTREME-R scores LAReQA.

    Parameters
    ----------
    embeddings : two arrays (N, D)
    examples : sequence of PairExample
        Examples that share an id are one query with several right targets: a question, and its answer in each
        language. All distinct targets are searched. `gold` False, or an empty source: as for
        `mean_reciprocal_rank`.
    top : int or None
        Ranks beyond count nothing, and so do right targets beyond so many.
    """
    precisions: list[float] = []
    for ranks in _ranks(embeddings, examples):
        possible = len(ranks) if top is None else min(len(ranks), top)
        counted = ranks if top is None else ranks[ranks <= top]
        precision = 0.0
        for hit, rank in enumerate(counted, 1):
            precision += hit / int(rank)
        precisions.append(precision / possible)
    return float(np.mean(precisions))


def _ranks(embeddings: Embeddings, examples: Sequence[PairExample]) -> Iterator[Integers]:
    """Yield for each query the ranks of its right targets, in ascending order, counted from 1."""
    first: dict[str, int] = {}
    for i, one in enumerate(examples):
        if one.target:
            first.setdefault(one.target, i)
    number = {target: n for n, target in enumerate(first)}
    wanted: dict[str, tuple[int, set[int]]] = {}
    for i, one in enumerate(examples):
        if one.gold and one.source and one.target:
            wanted.setdefault(one.id, (i, set()))[1].add(number[one.target])
    queries = list(wanted.values())
    sources, targets = unit(embeddings[0])[[i for i, _ in queries]], unit(embeddings[1])[list(first.values())]
    for start, similarities in _blocks(sources, targets):
        for row, (_, right) in zip(similarities, queries[start : start + BLOCK], strict=True):
            places = np.fromiter(right, dtype=np.int64)
            ahead = [(row > row[at]).sum() + (row[:at] == row[at]).sum() for at in places]
            yield np.sort(np.array(ahead, dtype=np.int64)) + 1


@dataclass(frozen=True, slots=True)
class Mined:
    """Pairs of rows (M, 2) that may be translations, the best first, with their margins (M,)."""

    pairs: Integers
    margins: NDArray[np.float64]


def mined(sources: NDArray[np.floating], targets: NDArray[np.floating], k: int = NEIGHBOURS) -> Mined:
    """Pair sources with targets by margin, each sentence once.

    Parameters
    ----------
    sources : array (N, D)
    targets : array (M, D)
    k : int
        Neighbours in each direction.

    Returns
    -------
    Mined
        Pairs whose margin is above 0.

    Notes
    -----
    Artetxe and Schwenk (2019), Margin-based parallel corpus mining with multilingual sentence embeddings:
    margin `ratio`, retrieval `max`, as XTREME runs it for BUCC.
    """
    x, y = unit(sources), unit(targets)
    forth, back = nearest_rows(x, y, k), nearest_rows(y, x, k)
    near_x, near_y = forth[0].mean(1), back[0].mean(1)
    there, there_margin = _by_margin(forth, near_x, near_y)
    here, here_margin = _by_margin(back, near_y, near_x)
    pairs = np.concatenate([np.c_[np.arange(len(x)), there], np.c_[here, np.arange(len(y))]])
    margins = np.concatenate([there_margin, here_margin]).astype(np.float64)
    seen_x: set[int] = set()
    seen_y: set[int] = set()
    kept: list[int] = []
    for at in np.argsort(-margins, kind="stable"):
        i, j = int(pairs[at, 0]), int(pairs[at, 1])
        if i not in seen_x and j not in seen_y:
            seen_x.add(i)
            seen_y.add(j)
            if margins[at] > 0:
                kept.append(int(at))
    return Mined(pairs[kept], margins[kept])


def _by_margin(found: tuple[Matrix, Integers], near: Matrix, near_found: Matrix) -> tuple[Integers, Matrix]:
    similarities, rows = found
    with np.errstate(divide="ignore", invalid="ignore"):
        margins = (similarities / ((near[:, None] + near_found[rows]) / 2)).astype(np.float32)  # (N, k)
    best = margins.argmax(1)[:, None]
    return np.take_along_axis(rows, best, 1)[:, 0], np.take_along_axis(margins, best, 1)[:, 0]


def best_threshold(margins: NDArray[np.float64], right: NDArray[np.bool_], gold: int) -> float:
    """Find the margin above which pairs have the highest F1.

    Parameters
    ----------
    margins : array (M,)
    right : array (M,)
        Which pairs are translations.
    gold : int
        How many translations there are in all.

    Returns
    -------
    float
        Half way between the last pair taken and the first one left; the last pair's own margin where all are
        taken (the official script stops with an IndexError there); 0 where no pair is right.
    """
    order = np.argsort(-margins, kind="stable")
    hits = np.cumsum(right[order])
    if not len(hits) or not hits[-1]:
        return 0.0
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / gold
    either = precision + recall
    f1 = np.divide(2 * precision * recall, either, out=np.zeros(len(hits)), where=either > 0)
    at = int(f1.argmax())
    last, following = margins[order[at]], margins[order[min(at + 1, len(hits) - 1)]]
    return float((last + following) / 2)


def bucc_f1(embeddings: Embeddings, examples: Sequence[PairExample], threshold: float | None = None) -> float:
    """Return the F1 of mined translations.

    Parameters
    ----------
    embeddings : two arrays (N, D)
    examples : sequence of PairExample
        The target of an example is the translation of its source where `gold`; elsewhere the two have nothing
        to do with each other. An empty text is no sentence, so that either side may be the longer one.
    threshold : float, optional
        Margin from which on pairs are taken: in the official setting the `best_threshold` of a development
        set. Without one it is the best on these very examples, which flatters.

    Notes
    -----
    As in XTREME's script, a sentence that occurs more than once takes part in mining once, and pairs with it
    are dropped from what is scored.
    """
    sides = [[one.source for one in examples], [one.target for one in examples]]
    rows = [_rows_of_sentences(texts) for texts in sides]
    found = mined(embeddings[0][list(rows[0].values())], embeddings[1][list(rows[1].values())])
    names = [list(own) for own in rows]
    once = [{text for text, count in Counter(texts).items() if count == 1} for texts in sides]
    gold = [(one.source, one.target) for one in examples if one.gold and one.source and one.target]
    gold_pairs = set(gold)
    pairs = [(names[0][i], names[1][j]) for i, j in found.pairs]
    kept = np.array([source in once[0] and target in once[1] for source, target in pairs], dtype=bool)
    right = np.array([pair in gold_pairs for pair in pairs], dtype=bool)[kept]
    margins = found.margins[kept]
    taken = margins >= (best_threshold(margins, right, len(gold)) if threshold is None else threshold)
    hits = int(right[taken].sum())
    if not hits:
        return 0.0
    precision, recall = hits / int(taken.sum()), hits / len(gold)
    return 2 * precision * recall / (precision + recall)


def _rows_of_sentences(texts: Sequence[str]) -> dict[str, int]:
    """Return each distinct sentence with the last row that holds it, as XTREME's script chooses."""
    return {text: row for row, text in enumerate(texts) if text}

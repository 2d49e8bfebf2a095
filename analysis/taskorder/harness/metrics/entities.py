"""F1 of entities in tagged words, as seqeval scores them by default: by conlleval's lenient rules.

Tags are IO, BIO (either kind), BIOES, or bare labels, such as parts of speech. A word's first letter is taken
for its position (`B`, `I`, `E`, `S`, `O`) whatever the label, so that bare labels are scored in odd ways:
`SCONJ` begins an entity at each word, neighbouring `NOUN`s are one entity. XTREME scores UDPOS in this way.

Two versions of seqeval differ in the type that they read out of a label. Version 0.0.12, which XTREME's
script installed in 2020, takes what follows the last hyphen, or a bare label whole. Versions from 1.0, which
it installed for XTREME-R in 2021, take what follows the first hyphen, and drop the first letter of a bare
label: `CCONJ` and `SCONJ` become one type, and so do `X` and `_`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

type Seqeval = Literal["0.0.12", "1.2.2"]
type Entity = tuple[str, int, int]


def entity_f1(
    predictions: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], *, seqeval: Seqeval = "1.2.2"
) -> float:
    """Return the micro-averaged F1 of entities; 0 where there are none.

    Parameters
    ----------
    predictions, gold : sequences of sequences of str
        Labels of the words of each sentence.
    seqeval : {"1.2.2", "0.0.12"}
        Whose reading of types.

    Raises
    ------
    ValueError
        If a sentence does not have as many predictions as words.
    """
    if [len(one) for one in predictions] != [len(one) for one in gold]:
        raise ValueError("predictions and words are not equally many")
    mine, true = set(entities(predictions, seqeval=seqeval)), set(entities(gold, seqeval=seqeval))
    right = len(mine & true)
    if not right:
        return 0.0
    precision, recall = right / len(mine), right / len(true)
    return 2 * precision * recall / (precision + recall)


def entities(sentences: Sequence[Sequence[str]], *, seqeval: Seqeval = "1.2.2") -> Iterator[Entity]:
    """Find the entities of sentences.

    Yields
    ------
    tuple
        The type, and the first and the last word, counted through all sentences, one more after each.
    """
    read = _TYPES[seqeval]
    labels = [label for sentence in sentences for label in (*sentence, "O")]
    before, type_before, start = "O", "", 0
    for at, label in enumerate(labels):
        tag, type_ = label[0], read(label)
        other = type_ != type_before
        if before in "ES" or (before in "BI" and tag in "BSO") or (before not in "O." and other):
            yield type_before, start, at - 1
        if tag in "BS" or (before in "ESO" and tag in "EI") or (tag not in "O." and other):
            start = at
        before, type_before = tag, type_


_TYPES: dict[Seqeval, Callable[[str], str]] = {
    "0.0.12": lambda label: label.rpartition("-")[2],
    "1.2.2": lambda label: label[1:].split("-", maxsplit=1)[-1] or "_",
}

"""Terms of which the rows at hand say nothing, because a column has one value in all of them.

A model file is written for more than one table of results. Where a table has clean scores only, or tasks that
are all alike, the terms that would need others are left out of the model, with a note, as groups with one
level are. In tables of any other kind such a term is refused.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from taskorder.inference.layout.levels import empty
from taskorder.inference.spec import STAGE, ModelSpec
from taskorder.moderators import StageTable


def constant_columns(table: pd.DataFrame, spec: ModelSpec) -> list[str]:
    """Return the columns of a model's terms that have one value in all rows of a table of results.

    Without an intercept such a column may stand for it.
    """
    if spec.data.layout != "results" or "1" not in spec.fixed.terms:
        return []
    terms = [*spec.fixed.terms, *(term for group in spec.groups.values() for term in group.by)]
    words = dict.fromkeys(word for term in terms for word in term.split(":"))
    of_stages = () if spec.sequence is None else (STAGE, *spec.sequence.moderators)
    return [
        word
        for word in words
        if word in table
        and word not in of_stages
        and (table[word] == table[word].iloc[0]).all()
        and not empty(table[word]).any()
    ]


def constant_moderators(lines: StageTable | None, spec: ModelSpec) -> list[str]:
    """Return the moderators that have one value for all stages of each study."""
    if lines is None or spec.sequence is None:
        return []
    words = dict.fromkeys(word for term in spec.sequence.moderators for word in term.split(":"))
    studies = lines.frame["study"].nunique()
    return [word for word in words if len(lines.silent(word)) == studies]


def without(spec: ModelSpec, constant: Collection[str]) -> tuple[ModelSpec, list[str]]:
    """Return a model without the terms that hold one of some columns, and a note for each column.

    Groups that are left with no term, and estimands of a term that is not there, go as well.
    """
    if not constant:
        return spec, []
    fixed = _kept(spec.fixed.terms, constant)
    groups = {
        name: group.model_copy(update={"by": by})
        for name, group in spec.groups.items()
        if (by := _kept(group.by, constant))
    }
    sequence = spec.sequence
    if sequence is not None:
        sequence = sequence.model_copy(update={"moderators": _kept(sequence.moderators, constant)})
    estimands = {
        name: entry
        for name, entry in spec.estimands.items()
        if not any(set(_words(term)) & set(constant) for term in (entry.of, entry.to))
    }
    reduced = spec.model_copy(
        update={
            "fixed": spec.fixed.model_copy(update={"terms": fixed}),
            "groups": groups,
            "sequence": sequence,
            "estimands": estimands,
        }
    )
    return reduced, [
        f"{word!r} is the same in all these rows: terms with it were left out" for word in constant
    ]


def _kept(terms: tuple[str, ...], constant: Collection[str]) -> tuple[str, ...]:
    return tuple(term for term in terms if not set(_words(term)) & set(constant))


def _words(term: str) -> list[str]:
    """Return the columns of a term, or of the sd of its slope: `tuning` of `tuning[lora]`."""
    return [word.split("[")[0] for word in term.split(":")]

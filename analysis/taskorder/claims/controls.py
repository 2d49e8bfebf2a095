"""Controls: what an analysis says of claims where it is known that nothing is there, or that something is.

Negative: labels are shuffled many times; a claim should be supported in few of the shuffles. Positive: the
labels are shuffled likewise, and then an effect of a known size is added to the scores; it should be found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from taskorder.claims.claim import Claim, Control
from taskorder.claims.evidence import decide
from taskorder.claims.variants import Analysis, Variant, shuffled
from taskorder.errors import TaskorderError
from taskorder.files import sha256_text, write_whole
from taskorder.inference import store
from taskorder.inference.criticism.cloud import Cloud
from taskorder.inference.criticism.sketches import sketched
from taskorder.inference.fitting import Fit
from taskorder.moderators import stage_table
from taskorder.paths import PACKAGE
from taskorder.processes import processes
from taskorder.results.catalogue import Covariates
from taskorder.results.sequences import parse, task_set
from taskorder.together import alone

COLUMNS = ["key", "control", "points", "number", "claim", "probability", "decision", "mean", "problem"]
AT_ONCE = 10
_CODE = ("claim.py", "controls.py", "evidence.py", "variants.py")


def controls(
    analysis: Analysis,
    claims: Sequence[Claim],
    control: Control,
    path: Path,
    *,
    times: int,
    points: float = 0.0,
    seed: int,
    workers: int = 2,
    say: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Shuffle labels, plant an effect if asked to, fit, and judge; goes on where it was stopped.

    Rows of this control that are of another model, other data, code or claims are not kept in the table.

    Parameters
    ----------
    analysis : Analysis
    claims : sequence of Claim
        About this model, with this control.
    control : {"order", "difficulty", "similarity"}
        What is shuffled.
    path : Path
        The table: one row a shuffle and claim, with the columns `COLUMNS`.
    times : int
        How many shuffles.
    points : float
        The size of the effect that is planted: how far the best of six orders stands above their mean, or
        per sd of a moderator.
    seed, workers
    say : callable
        Is told how far it is.
    """
    key, points = key_of(analysis.fit, claims, seed), float(f"{points:.6g}")
    done = read(path)
    done = done[(done["control"] != control) | (done["key"] == key)]
    ours = done[(done["control"] == control) & (done["points"] == points)]
    todo = sorted(set(range(times)) - set(ours["number"]))
    if not todo:
        return ours
    one = partial(_controlled, analysis, tuple(claims), analysis.cloud(), control, points, seed)
    for part in _in_parts(one, todo, workers):
        rows = pd.DataFrame(part).assign(key=key, control=control, points=points)[COLUMNS]
        ours = _added(path, pd.concat([ours, rows], ignore_index=True) if len(ours) else rows)
        say(f"{analysis.spec.name}, {control} shuffled: {ours['number'].nunique()} of {times}")
    return ours


def _added(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Put rows of one control and size into a table, which others may write to meanwhile.

    Rows of the control with another key go. Returns all rows of the control and size.
    """
    key, control, points = (rows[name].iloc[0] for name in ("key", "control", "points"))
    with alone(path.parent):
        done = read(path)
        done = done[(done["control"] != control) | (done["key"] == key)]
        done = pd.concat([done, rows], ignore_index=True) if len(done) else rows
        done = done.drop_duplicates(["control", "points", "number", "claim"])
        done = done.sort_values(["control", "points", "number", "claim"], kind="stable")
        write_whole(path, done.to_csv(index=False, float_format="%.6g", lineterminator="\n"), force=True)
    return done[(done["control"] == control) & (done["points"] == points)]


def by_control(claims: Sequence[Claim]) -> dict[Control, tuple[Claim, ...]]:
    """Return the claims that have a control, by what is shuffled, both in the order in which they come."""
    names: dict[Control, None] = dict.fromkeys(claim.control for claim in claims if claim.control)
    return {name: tuple(claim for claim in claims if claim.control == name) for name in names}


def key_of(fit: Fit, claims: Sequence[Claim], seed: int) -> str:
    """Return a hash of all that rows of a control follow from: model, data, code, libraries, seed, claims.

    Parameters
    ----------
    fit : Fit
    claims : sequence of Claim
        About this model, with this control; neither their order nor their wording matters.
    seed : int
    """
    claimed = sorted((one.id, one.estimand, one.region, one.at, one.rope) for one in claims)
    made_from = [fit.manifest[f"{name}_sha256"] for name in ("model", "rows", "covariates")]
    about = (*made_from, store.code(*(PACKAGE / "claims" / name for name in _CODE)), seed, *claimed)
    return sha256_text(repr(about))[:16]


def read(path: Path) -> pd.DataFrame:
    """Read a table that `controls` has written; it is empty where there is none.

    Raises
    ------
    TaskorderError
        If a file is there that is no such table.
    """
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        table = pd.read_csv(
            path,
            dtype=dict.fromkeys(("key", "control", "claim", "decision", "problem"), "str"),
            keep_default_na=False,
            na_values={"probability": "", "mean": ""},
        )
    except ValueError:
        table = pd.DataFrame()
    if list(table) != COLUMNS:
        raise TaskorderError(
            f"{path} is no table of controls, whose columns are {', '.join(COLUMNS)}:"
            " remove it, and taskorder control writes it anew"
        )
    return table


def _in_parts(
    one: Callable[[int], list[dict[str, object]]], todo: Sequence[int], workers: int
) -> Iterator[list[dict[str, object]]]:
    if workers < 2:
        for number in todo:
            yield one(number)
        return
    with processes(workers) as pool:
        for start in range(0, len(todo), AT_ONCE):
            yield [row for rows in pool.map(one, todo[start : start + AT_ONCE]) for row in rows]


def _controlled(
    analysis: Analysis,
    claims: Sequence[Claim],
    near: Cloud | None,
    control: Control,
    points: float,
    seed: int,
    number: int,
) -> list[dict[str, object]]:
    rng = np.random.default_rng([seed, number])
    variant = shuffled(analysis, control, rng)
    if points:
        variant = planted(analysis, variant, control, points, rng)
    found = sketched(
        variant.spec,
        variant.rows,
        variant.covariates,
        name=variant.name,
        kind=variant.kind,
        seed=seed,
        near=near,
    )
    rows: list[dict[str, object]] = []
    for claim in claims:
        there = not found.problem and claim.estimand in found.draws
        draws = found.draws[claim.estimand].to_numpy() if there else np.array([np.nan])
        probability = claim.probability(draws, found.weight if there else None)
        rows.append(
            {
                "number": number,
                "claim": claim.id,
                "probability": probability,
                "decision": decide(probability, passed=there),
                "mean": found.summary(claim.estimand)["mean"],
                "problem": found.problem,
            }
        )
    return rows


def planted(
    analysis: Analysis, variant: Variant, control: Control, points: float, rng: np.random.Generator
) -> Variant:
    """Return a variant with an effect of a known size in its scores.

    The orders of a task set get normal scores (Blom 1958, Statistical Estimates and Transformed Beta
    Variables), in an order by chance, of such an sd that the best of six stands `points` above their mean;
    of a moderator, stages one sd higher add `points`. Scores stay within [0, 1].
    """
    rows, covariates = variant.rows, variant.covariates
    raised = (
        _raised_orders(rows, rng)
        if control == "order"
        else _raised_stages(analysis, rows, covariates, control)
    )
    score = (rows["score"] + points / 100 * raised).clip(0.0, 1.0)
    table = rows.assign(score=score)
    return Variant(
        f"{variant.name}, {points:g} points planted", variant.kind, variant.spec, table, covariates
    )


def _raised_orders(rows: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Return normal scores for the orders of each task set of a study; 0 where there is one order only."""
    sets = rows["sequence"].map({text: task_set(parse(text)) for text in rows["sequence"].unique()})
    orders = pd.DataFrame({"study": rows["study"], "tasks": sets, "sequence": rows["sequence"]})
    orders = orders.drop_duplicates().sort_values(["study", "tasks", "sequence"])
    scores = orders.groupby(["study", "tasks"])["sequence"].transform(
        lambda those: rng.permutation(_normal_scores(len(those)))
    )
    lookup = pd.Series(scores.to_numpy(), index=pd.MultiIndex.from_frame(orders[["study", "sequence"]]))
    at = pd.MultiIndex.from_frame(rows[["study", "sequence"]])
    return pd.Series(lookup.loc[at].to_numpy(dtype=np.float64), index=rows.index)


def _normal_scores(count: int) -> NDArray[np.float64]:
    """Return what is expected of ordered normal deviates; the largest of six is one."""
    return norm.ppf((np.arange(count) + 0.625) / (count + 0.25)) / norm.ppf(5.625 / 6.25)


def _raised_stages(
    analysis: Analysis, rows: pd.DataFrame, covariates: Covariates, moderator: str
) -> pd.Series:
    """Return the sum of a moderator's standardised values over the stages of each row."""
    sequence = analysis.spec.sequence
    if sequence is None:
        return pd.Series(0.0, index=rows.index)
    stages = stage_table(rows.reset_index(drop=True), covariates, sequence.difficulty, sequence.similarity)
    values = (stages.frame[f"{moderator}_z"].fillna(0.0) * stages.frame["share"]).groupby(stages.frame["row"])
    return pd.Series(values.sum().reindex(range(len(rows)), fill_value=0.0).to_numpy(), index=rows.index)

"""From an examination to the verdicts on its claims."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

from taskorder.claims.claim import Claim
from taskorder.claims.evidence import Attack, Attacked, Ground, Grounded, Judgement, Reproduced, decide
from taskorder.claims.examining import STUDY, Examination
from taskorder.claims.verdict import Verdict
from taskorder.inference.criticism.calibration import of_present_state
from taskorder.inference.criticism.leaving_out import LEFT_OUT
from taskorder.inference.criticism.sketches import ROUGH, Sketch
from taskorder.inference.estimands import unit
from taskorder.inference.fitting import Fit
from taskorder.inference.summary import INTERVAL

type Floats = NDArray[np.float64]


def judge(claim: Claim, fit: Fit, calibrations: Path | None = None) -> Judgement:
    """Return what a posterior says of a claim.

    Parameters
    ----------
    claim : Claim
        About an estimand of the fit's model that has one value in all (see `matching.refuse_estimand`).
    fit : Fit
    calibrations : Path or None
        The folder of calibration tables; without it nothing counts as calibrated.
    """
    draws = _draws(claim, fit)
    tail = (1.0 - INTERVAL) / 2
    lower, upper = (float(value) for value in np.quantile(draws, [tail, 1.0 - tail]))
    return Judgement(
        probability=claim.probability(draws.ravel()),
        mean=float(draws.mean()),
        lower=lower,
        upper=upper,
        unit=unit(fit.spec.estimands[claim.estimand], fit.spec, float(fit.manifest["reference_score"])),
        diagnosed=fit.diagnostics.ok,
        calibrated=calibrations is not None and _calibrated(claim, fit, calibrations),
    )


def verdict(claim: Claim, examination: Examination, calibrations: Path | None = None) -> Verdict:
    """Judge a claim, and put it through the gates.

    Parameters
    ----------
    claim : Claim
        About the examined model.
    examination : Examination
    calibrations : Path or None
        As for `judge`.
    """
    fit = examination.analysis.fit
    judgement = judge(claim, fit, calibrations)
    attacks = tuple(_attack(claim, judgement, one) for one in examination.otherwise() if _bears(claim, one))
    return Verdict(
        claim,
        judgement,
        grounded(examination.analysis.rows()),
        _reproduced(claim, fit, examination.again()),
        Attacked(attacks),
    )


def made_from(examination: Examination) -> Mapping[str, object]:
    """Return the digests that a ledger entry names: of the model, its rows and the files."""
    manifest = examination.analysis.fit.manifest
    return {
        "model_sha256": manifest["model_sha256"],
        "rows_sha256": manifest["rows_sha256"],
        "files": {str(file["path"]): file["sha256"] for file in manifest["inputs"]},
    }


def grounded(rows: pd.DataFrame) -> Grounded:
    """Say of the rows behind a claim how many name the place of their number in the source."""
    if STUDY not in rows:
        return Grounded(())
    sourced = (
        rows["source"].fillna("").astype(str).str.strip() != ""
        if "source" in rows
        else pd.Series(False, rows.index)
    )
    return Grounded(
        tuple(
            Ground(
                study=str(study),
                rows=len(part),
                systems=int(part["system"].nunique()) if "system" in part else 1,
                runs=int(part["run"].nunique()) if "run" in part else len(part),
                sourced=int(sourced[part.index].sum()),
                sha256=_digest(part),
            )
            for study, part in rows.groupby(STUDY, sort=True)
        )
    )


def _digest(rows: pd.DataFrame) -> str:
    score = ["run", "target", "language", "metric", "score"]
    named = rows[score] if set(score) <= set(rows) else rows[sorted(map(str, rows))]
    hashed = pd.util.hash_pandas_object(named, index=False)
    return hashlib.sha256(np.sort(hashed.to_numpy()).tobytes()).hexdigest()


def _draws(claim: Claim, fit: Fit) -> Floats:
    """Return the draws of the estimand (chains, draws); one NaN where the rows leave the model without it."""
    try:
        return np.asarray(fit.estimand(claim.estimand).to_numpy(), dtype=np.float64)
    except KeyError:
        return np.array([[np.nan]])


def _reproduced(claim: Claim, fit: Fit, again: Sketch | None) -> Reproduced | None:
    if again is None:
        return None
    first = _draws(claim, fit)
    second = again.summary(claim.estimand)
    error = (
        0.0
        if again.problem
        else float(np.hypot(_error(first), second["sd"] / np.sqrt(again.ess / ROUGH.times)))
    )
    return Reproduced(float(first.mean()), float("nan") if again.problem else second["mean"], error)


def _error(draws: Floats) -> float:
    """Return the Monte Carlo standard error of the mean of draws (chains, draws)."""
    if np.ptp(draws) == 0:
        return 0.0
    return float(draws.std() / np.sqrt(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="mean")))


def _bears(claim: Claim, sketch: Sketch) -> bool:
    """Say whether an attack is one on this claim: shuffled labels are, where they are its control."""
    return sketch.kind != "shuffled" or sketch.name == f"{claim.control} shuffled"


def attack_name(sketch: Sketch) -> str:
    """Return what an attack is called."""
    return f"without {sketch.name}" if sketch.kind == LEFT_OUT else sketch.name


def _attack(claim: Claim, judgement: Judgement, sketch: Sketch) -> Attack:
    name = attack_name(sketch)
    if sketch.problem or claim.estimand not in sketch.draws:
        problem = sketch.problem or "it leaves the model without this estimand"
        return Attack(name, sketch.kind, float("nan"), judgement.decision, "undecided", problem, claim.denies)
    probability = claim.probability(sketch.draws[claim.estimand].to_numpy(), sketch.weight)
    after = decide(probability, passed=True)
    return Attack(name, sketch.kind, probability, judgement.decision, after, denies=claim.denies)


def _calibrated(claim: Claim, fit: Fit, folder: Path) -> bool:
    """Say whether the estimand's ranks were inside the band when these model and engine were calibrated."""
    path = folder / f"{fit.spec.name}_{fit.diagnostics.engine}.csv"
    if not path.is_file():
        return False
    summary = pd.read_csv(path, dtype={"state": "str"})
    if not of_present_state(summary, fit):
        return False
    table = summary.set_index("parameter")
    return claim.estimand in table.index and bool(table.loc[claim.estimand, "inside"])

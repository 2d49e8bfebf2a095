"""From a hearing to an answer: what stands beside a fit in the report, kept in the folder of the fit.

A fit's folder is named by its model, rows, settings and the code of inference, so what is kept there is of
the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.choosing.blocks import BLOCK
from taskorder.choosing.curve import regret_curve
from taskorder.claims import Hearing
from taskorder.errors import FitFailed, MissingData
from taskorder.files import replacing, write_whole
from taskorder.inference.fitting import Fit
from taskorder.inference.frequentist.beside import COLUMNS, companions
from taskorder.inference.network.designs import Inconsistency, inconsistency
from taskorder.inference.network.graph import Edge, Network, network
from taskorder.inference.network.splits import Split, node_splits
from taskorder.reporting.answer import Answer
from taskorder.reporting.calibration import Calibrated
from taskorder.reporting.controls import Controlled
from taskorder.reporting.left_out import LeftOut
from taskorder.reporting.networks import Evidence
from taskorder.reporting.sensitivity import Sensitivity, sensitivity
from taskorder.results.catalogue import Covariates

DRAWS = 1000
"""Of models that are fitted to tell direct from indirect evidence."""
_TEXTS = {"term": "str", "method": "str", "unit": "str", "agrees": "boolean"}
_SCHEME = "scheme"
_DRAWN = ("network", "direct", "indirect")

type Floats = NDArray[np.float64]
type Say = Callable[[str], None]


def gathered(
    heard: Hearing,
    known: Covariates,
    calibrations: Sequence[Calibrated],
    controls: Controlled | None,
    news: Sequence[str],
    say: Say,
) -> Answer:
    """Return an answer with all that the report says of it.

    Parameters
    ----------
    heard : Hearing
    known : Covariates
        As the fit was made with.
    calibrations : sequence of Calibrated
        Of all models.
    controls : Controlled or None
        Of this one.
    news : sequence of str
        What the ledger does not know of.
    say : callable
        Is told what takes time before it is done.
    """
    fit, folder = heard.found.fit, heard.found.folder
    rows = heard.examination.analysis.rows()
    return Answer(
        fit=fit,
        verdicts=heard.verdicts,
        companion=_companions(folder / "companions.csv", lambda: companions(fit, known, heard.table)),
        covariates=known,
        left_out=LeftOut(heard.examination.left_out, heard.examination.obstacle),
        sensitivity=_sensitivity(folder / "sensitivity.json", fit),
        calibrations=tuple(one for one in calibrations if one.model == fit.spec.name),
        controls=controls,
        otherwise=heard.examination.otherwise(),
        networks=tuple(_evidence(folder, fit, rows, known, column, say) for column in fit.spec.networks),
        curves=_curves(heard.table, rows),
        news=tuple(news),
    )


def _companions(path: Path, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    try:
        return pd.read_csv(
            path, dtype=_TEXTS, keep_default_na=False, na_values=dict.fromkeys(COLUMNS[2:], "")
        )
    except (OSError, ValueError):
        found = make()
        write_whole(path, found.to_csv(index=False), force=True)
        return found


def _sensitivity(path: Path, fit: Fit) -> Sensitivity | None:
    try:
        kept = json.loads(path.read_text("utf-8"))
        return Sensitivity(pd.DataFrame(kept["table"]), kept["prior"], kept["likelihood"]) if kept else None
    except (OSError, ValueError, TypeError, KeyError):
        found = sensitivity(fit)
        content = {**vars(found), "table": found.table.to_dict("list")} if found else None
        write_whole(path, json.dumps(content), force=True)
        return found


def _curves(table: pd.DataFrame, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the curves of regrets of all schemes, that of the rows first, where they are regrets of one."""
    needed = {_SCHEME, "strategy", "regret", *BLOCK}
    if not needed <= set(table) or len(rows[_SCHEME].unique()) != 1:
        return {}
    own = str(rows[_SCHEME].iloc[0])
    found = {own: regret_curve(table, own)}
    for other in sorted(set(table[_SCHEME].astype(str)) - {own}):
        with suppress(MissingData):
            found[other] = regret_curve(table, other)
    return found


def _evidence(
    folder: Path, fit: Fit, rows: pd.DataFrame, known: Covariates, column: str, say: Say
) -> Evidence:
    graph, path = network(rows, fit.spec, column), folder / f"network-{column}.npz"
    if (kept := load(path, graph)) is not None:
        return kept
    found = _told_apart(graph, replace(fit, manifest={**fit.manifest, "draws": DRAWS}), rows, known, say)
    save(found, path)
    return found


def _told_apart(graph: Network, fit: Fit, rows: pd.DataFrame, known: Covariates, say: Say) -> Evidence:
    splits: tuple[Split, ...] = ()
    try:
        splits = node_splits(fit, rows, known, graph.column, say)
        say(f"estimating the inconsistency of the network of {graph.column}")
        return Evidence(graph, splits, inconsistency(fit, rows, known, graph.column))
    except (FitFailed, MissingData) as error:
        return Evidence(graph, splits, obstacle=f"The inconsistency between designs cannot be told: {error}.")


def save(found: Evidence, path: Path) -> None:
    """Write what was told apart in a network into one file of NumPy's, whole."""
    one = found.inconsistency
    about: dict[str, Any] = {
        "splits": [
            {"of": each.of, "against": each.against, "edge": asdict(each.edge), "failures": each.failures}
            for each in found.splits
        ],
        "inconsistency": None if one is None else {"designs": dict(one.designs), "failures": one.failures},
        "obstacle": found.obstacle,
    }
    arrays: dict[str, Any] = {"about": np.array(json.dumps(about))}
    for place, each in enumerate(found.splits):
        arrays |= {f"{name}{place}": getattr(each, name) for name in _DRAWN}
    if one is not None:
        arrays["inconsistency"] = np.stack([one.sd, one.heterogeneity])
    with replacing(path, force=True) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load(path: Path, graph: Network) -> Evidence | None:
    """Read it back; None where there is nothing, or the file is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            about = json.loads(str(kept["about"]))
            splits = tuple(
                _split(entry, *(kept[f"{name}{place}"] for name in _DRAWN))
                for place, entry in enumerate(about["splits"])
            )
            one = about["inconsistency"]
            found = None
            if one is not None:
                found = Inconsistency(one["designs"], *kept["inconsistency"], failures=tuple(one["failures"]))
            return Evidence(graph, splits, found, about["obstacle"])
    except (OSError, ValueError, KeyError, TypeError, BadZipFile):
        return None


def _split(entry: dict[str, Any], *draws: Floats) -> Split:
    edge = Edge(**entry["edge"])
    return Split(entry["of"], entry["against"], edge, *draws, failures=tuple(entry["failures"]))

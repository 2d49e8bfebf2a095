"""Everything that is computed to judge the claims about one model: its fit, and the same done otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path

import pandas as pd

from taskorder.claims import variants as otherwise
from taskorder.claims.claim import Claim, Control
from taskorder.claims.variants import SCALE, SEED, Analysis, Variant, variants
from taskorder.errors import FitFailed, MissingData
from taskorder.files import sha256, sha256_text
from taskorder.inference.criticism import sketches
from taskorder.inference.criticism.cloud import Cloud
from taskorder.inference.criticism.leaving_out import LEFT_OUT, Whole, sketches_without, tabulated, whole
from taskorder.inference.criticism.sketches import Sketch, sketched
from taskorder.inference.layout.design import build_design
from taskorder.inference.session import Found
from taskorder.inference.spec import needs_nuts
from taskorder.processes import WORKERS, processes
from taskorder.results.catalogue import Covariates

STUDY = "study"
FAR = (SEED, SCALE)
"""Kinds of variants that get draws of their own: repetitions, and scores as they are, of another shape."""
WORTH_PROCESSES = 10.0
"""Seconds: a fit that took less is done otherwise sooner than processes start."""


@dataclass(frozen=True)
class Examination:
    """A fit, and its estimands under other choices.

    Attributes
    ----------
    analysis : Analysis
    variants : tuple of Sketch
        One choice made otherwise each.
    without : tuple of Sketch
        Each study left out, the first of all data; empty where that cannot be done.
    obstacle : str
        Why studies cannot be left out; empty where they were, or where there is nothing to be told.
    files : mapping
        Where on disk the sketches are kept: `otherwise.npz`, and `without.npz` where there is one.
    """

    analysis: Analysis
    variants: tuple[Sketch, ...]
    without: tuple[Sketch, ...]
    obstacle: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def left_out(self) -> pd.DataFrame:
        """The estimands without each study, as `leaving_out.tabulated` returns them."""
        return tabulated(self.without)

    def otherwise(self) -> tuple[Sketch, ...]:
        """Return what attacks: every variant but the repetition, and every study left out."""
        return (
            *(one for one in self.variants if one.kind != otherwise.SEED),
            *(one for one in self.without if one.kind == LEFT_OUT),
        )

    def again(self) -> Sketch | None:
        """Return the repetition with another seed."""
        return next((one for one in self.variants if one.kind == otherwise.SEED), None)


def examine(
    found: Found,
    table: pd.DataFrame,
    covariates: Covariates,
    claims: Sequence[Claim],
    *,
    seed: int,
    workers: int = WORKERS,
    say: Callable[[str], None] = lambda _: None,
) -> Examination:
    """Do an analysis otherwise in every way, or find what was computed before.

    Parameters
    ----------
    found : Found
        The fit as registered.
    table : DataFrame
        As it was read.
    covariates : Covariates
    claims : sequence of Claim
        About this model: they say what is shuffled.
    seed : int
    workers : int
        Processes that fit at the same time, where the fit took longer than they take to start.
    say : callable
        Is told what takes time before it is done.
    """
    analysis = Analysis(found.fit, table, covariates)
    everything = cache(partial(_everything, analysis))
    controls: tuple[Control, ...] = tuple(sorted({claim.control for claim in claims if claim.control}))
    kept = found.folder / f"otherwise-{_code()}-{'-'.join(controls) or 'none'}.npz"
    if (known := sketches.load(kept)) is None:
        say(f"making each choice of {analysis.spec.name} otherwise (this can take a minute)")
        long = found.fit.diagnostics.seconds["total"] > WORTH_PROCESSES
        near = None if needs_nuts(analysis.spec) else everything().known
        known = _sketched(analysis, near, controls, seed, workers if long else 1)
        sketches.save(known, kept)
    path = found.folder / "without.npz"
    without, obstacle = _without(analysis, everything, path, seed, say)
    files = {"otherwise.npz": kept} | ({path.name: path} if without else {})
    return Examination(analysis, known, without, obstacle, files)


def _code() -> str:
    """Return a digest of the code that makes the variants, and sketches them."""
    return sha256_text("".join(sha256(Path(file)) for file in (otherwise.__file__, __file__)))[:8]


def _everything(analysis: Analysis) -> Whole:
    design = build_design(analysis.rows(), analysis.spec, analysis.covariates)
    return whole(design, analysis.spec, analysis.posterior())


def _sketched(
    analysis: Analysis, known: Cloud | None, controls: Sequence[Control], seed: int, workers: int
) -> tuple[Sketch, ...]:
    todo = list(variants(analysis, controls, seed))
    near = [None if variant.kind in FAR else known for variant in todo]
    if workers < 2 or len(todo) < 2:
        return tuple(map(_sketch, todo, near, [seed] * len(todo)))
    with processes(workers) as pool:
        return tuple(pool.map(_sketch, todo, near, [seed] * len(todo)))


def _sketch(variant: Variant, near: Cloud | None, seed: int) -> Sketch:
    return sketched(
        variant.spec,
        variant.rows,
        variant.covariates,
        name=variant.name,
        kind=variant.kind,
        seed=seed + 1,
        near=near,
    )


def _without(
    analysis: Analysis,
    everything: Callable[[], Whole],
    path: Path,
    seed: int,
    say: Callable[[str], None],
) -> tuple[tuple[Sketch, ...], str]:
    if (obstacle := _obstacle(analysis, analysis.rows())) is not None:
        return (), obstacle
    if (known := sketches.load(path)) is None:
        say(f"leaving each study out of {analysis.spec.name} (this can take a minute)")
        try:
            known = sketches_without(everything(), STUDY, seed=seed)
        except (FitFailed, MissingData) as error:
            return (), str(error)
        sketches.save(known, path)
    return known, ""


def _obstacle(analysis: Analysis, rows: pd.DataFrame) -> str | None:
    """Say why studies cannot be left out; empty where it makes no sense, None where they can."""
    if STUDY not in rows or not analysis.spec.estimands:
        return ""
    if rows[STUDY].nunique() < 2:
        return "all rows are of one study"
    if STUDY not in analysis.fit.tree["constant_data"].to_dataset():
        return "the model does not tell rows of different studies apart"
    return needs_nuts(analysis.spec) or None

"""Which priors the parameters of a design have."""

from __future__ import annotations

from collections.abc import Sequence

from taskorder.inference.families import NU
from taskorder.inference.layout.design import Block, Design
from taskorder.inference.priors import Prior
from taskorder.inference.spec import ModelSpec


def sd_names(blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return the names of the sds of blocks, in their order."""
    return tuple(block.sd for block in blocks if block.sd)


def priors_of(design: Design, spec: ModelSpec) -> dict[str, Prior]:
    """Return every prior of a model, by the name of its parameter."""
    names = sd_names(design.blocks)
    found = {block.name: block.prior for block in design.blocks if block.prior is not None}
    found |= dict(zip(names, sd_priors(design, spec, names), strict=True))
    if spec.residual.sd is None:
        found["residual"] = residual_prior(design, spec)
    if design.residual_levels:
        found["sd:residual"] = spread_prior(design, spec)
    if spec.outcome.likelihood == "student_t":
        found["nu"] = spec.priors.get("nu", NU)
    if len(design.effects) > 1:
        found["recency"] = recency_prior(design, spec)
    return found


def sd_priors(design: Design, spec: ModelSpec, names: Sequence[str]) -> list[Prior]:
    """Return the prior of each sd."""
    return [spec.priors.get(name, spec.priors.get("sd", design.defaults.sd)) for name in names]


def residual_prior(design: Design, spec: ModelSpec) -> Prior:
    """Return the prior of the residual sd, or of the typical one of several levels."""
    return spec.priors.get("residual", design.defaults.residual)


def spread_prior(design: Design, spec: ModelSpec) -> Prior:
    """Return the prior of the sd of the logarithms of several residual sds."""
    return spec.priors.get("sd:residual", design.defaults.residual_spread)


def recency_prior(design: Design, spec: ModelSpec) -> Prior:
    """Return the prior of the recency."""
    return spec.priors.get("recency", design.defaults.recency)

"""The tables of a model file as frozen values, and the names of the parameters that they make."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from taskorder.inference.families import FAMILIES, Family, Likelihood
from taskorder.inference.ordering import MOST_STEPS
from taskorder.inference.priors import Prior

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Term = Annotated[str, StringConstraints(pattern=r"^(1|[A-Za-z_][A-Za-z0-9_]*(:[A-Za-z_][A-Za-z0-9_]*)*)$")]
EstimandFunction = Literal[
    "points",
    "contrast",
    "sd_points",
    "level_points",
    "worst_level_points",
    "same_sign",
    "ratio",
    "recency",
    "curriculum",
    "order_sd",
    "order_ratio",
    "best_order",
]

STAGE = "stage"
"""The name of the term that is the mean effect of one stage, and of the group of the stages' own effects."""


class Table(BaseModel):
    """A table of the file; what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class DataSpec(Table):
    """`[data]`: which tables, which rows; `average` takes a model's mean over languages."""

    layout: Literal["results", "any"] = Field(default="results", alias="schema")
    tables: tuple[str, ...] = ()
    where: str = ""
    flags: tuple[str, ...] = ()
    average: Literal["language", ""] = ""


class OutcomeSpec(Table):
    """`[outcome]`: which column, on which scale, with which noise.

    `trials` is the column of how many trials a count of successes is out of; `reference` is the score at
    which points are stated.
    """

    column: Name = "score"
    likelihood: Likelihood = "normal"
    scale: Literal["arcsine", "logit", "identity"] = "arcsine"
    variance: str = ""
    trials: str = ""
    reference: float | None = Field(default=None, gt=0, lt=1)

    @property
    def family(self) -> Family:
        """What the likelihood is made of."""
        return FAMILIES[self.likelihood]


class FixedSpec(Table):
    """`[fixed]`: linear terms; `reference` names the level that a column of text is coded against."""

    terms: tuple[Term, ...] = ("1",)
    reference: dict[Name, str] = Field(default_factory=dict[str, str])


class SequenceSpec(Table):
    """`[sequence]`: the stages as a multi-membership term, weighted by recency.

    `difficulty` and `similarity` name measures of the covariate tables, in order of preference;
    `crossed` names columns that a stage's own effect may differ over; `missing` says what becomes of
    rows with a stage that lacks a moderator which other stages of its study have.
    """

    moderators: tuple[Term, ...] = ()
    recency: bool = False
    difficulty: tuple[Name, ...] = ("shortfall",)
    similarity: tuple[Name, ...] = ("same_kind",)
    crossed: tuple[Name, ...] = ("target",)
    missing: Literal["error", "drop"] = "error"


class GroupSpec(Table):
    """`[groups]`: random effects of the levels of `columns`.

    `by` lists the terms whose slope varies (`1` is the intercept); `within` nests the levels in another
    group, which is added if the file does not list it; only rows that fulfil `where`, and levels with at
    least `min_rows` rows, have an effect.
    """

    columns: tuple[Name, ...] = ()
    by: tuple[Term, ...] = ("1",)
    within: Name | Literal[""] = ""
    where: str = ""
    min_rows: int = Field(default=1, ge=1)


class ResidualSpec(Table):
    """`[residual]`: one sd for each level of the columns `by`; `sd = 0` for known variances only."""

    by: Name | tuple[Name, ...] = "all"
    sd: Literal[0] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose levels have their own residual sd; none for a single sd."""
        names = (self.by,) if isinstance(self.by, str) else self.by
        return () if names == ("all",) else names


class NetworkSpec(Table):
    """One line of `[networks]`: the levels of a column of text are compared within trials.

    Rows that agree in the columns of `trial` form one; the column is a term of `[fixed]` by itself.
    """

    trial: Annotated[tuple[Name, ...], Field(min_length=1)]


class EstimandSpec(Table):
    """One line of `[estimands]`: a named function of the posterior; `steps` counts ordered tasks."""

    function: EstimandFunction
    of: str = ""
    group: str = ""
    to: str = ""
    steps: int | None = Field(default=None, ge=2, le=MOST_STEPS)


class ModelSpec(Table):
    """A hierarchical model as its file describes it.

    The tables of the file are the attributes; `priors` is a mapping of parameter name to `Prior`.
    """

    name: Name
    question: str = ""
    data: DataSpec = DataSpec()
    outcome: OutcomeSpec = OutcomeSpec()
    fixed: FixedSpec = FixedSpec()
    sequence: SequenceSpec | None = None
    groups: dict[Name, GroupSpec] = Field(default_factory=dict[str, GroupSpec])
    residual: ResidualSpec = ResidualSpec()
    priors: dict[str, Prior] = Field(default_factory=dict[str, Prior])
    estimands: dict[Name, EstimandSpec] = Field(default_factory=dict[str, EstimandSpec])
    networks: dict[Name, NetworkSpec] = Field(default_factory=dict[str, NetworkSpec])

    def digest(self) -> str:
        """Return the sha256 of the model's meaning: comments and layout of the file do not count."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def slopes(self) -> tuple[str, ...]:
        """Return the linear terms by name: the fixed ones, then those of the sequence."""
        stage = () if self.sequence is None else (STAGE, *self.sequence.moderators)
        return (*self.fixed.terms, *stage)

    def sd_names(self) -> tuple[str, ...]:
        """Return the names of the standard deviations between levels, in the order of the file."""
        stage = () if self.sequence is None else tuple(crossed_names(self.sequence))
        names = [f"sd:{name}" for name in stage]
        for group, entry in self.groups.items():
            names += [sd_name(group, term) for term in entry.by]
        return tuple(names)


def needs_nuts(spec: ModelSpec) -> str:
    """Say why the linear effects of a model cannot be integrated out; empty where they can.

    They can where the noise is Gaussian and so is the prior of every linear term, or flat.
    """
    if spec.outcome.likelihood != "normal":
        return f"the likelihood is {spec.outcome.likelihood}"
    for name, prior in spec.priors.items():
        if not is_positive(name) and name != "recency" and prior.dist not in {"Normal", "Flat"}:
            return f"the prior of {name} is {prior.dist}"
    return ""


def sd_name(group: str, term: str) -> str:
    """Return the name of the sd of a term's slope over the levels of a group."""
    return f"sd:{group}" if term == "1" else f"sd:{group}:{term}"


def crossed_names(sequence: SequenceSpec) -> dict[str, str]:
    """Return the groups of the stages' own effects, each with the column that it is crossed with."""
    return {STAGE: ""} | {f"{STAGE}:{column}": column for column in sequence.crossed}


def summands(names: str) -> tuple[str, ...]:
    """Return the sds whose variances an estimand adds up: `sd:run + residual` are two."""
    return tuple(name.strip() for name in names.split("+"))


def is_positive(parameter: str) -> bool:
    """Say whether a parameter of this name is positive: an sd, a precision, degrees of freedom."""
    return parameter == "nu" or parameter.split(":")[0] in {"sd", "residual"}

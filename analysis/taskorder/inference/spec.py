"""A model file (TOML), read into a frozen value; every mistake in it is named with its nearest valid word."""

from __future__ import annotations

import hashlib
import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from taskorder.errors import InvalidModel, nearest
from taskorder.inference.families import FAMILIES, Family, Likelihood
from taskorder.inference.priors import FREE, LOCATION, POSITIVE, Prior

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Term = Annotated[str, StringConstraints(pattern=r"^(1|[A-Za-z_][A-Za-z0-9_]*(:[A-Za-z_][A-Za-z0-9_]*)*)$")]
EstimandFunction = Literal["points", "sd_points", "level_points", "same_sign", "ratio"]

STAGE = "stage"
"""The name of the term that is the mean effect of one stage, and of the group of the stages' own effects."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class DataSpec(_Table):
    """`[data]`: which tables, which rows."""

    layout: Literal["results", "any"] = Field(default="results", alias="schema")
    tables: tuple[str, ...] = ()
    where: str = ""
    flags: tuple[str, ...] = ()


class OutcomeSpec(_Table):
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


class FixedSpec(_Table):
    """`[fixed]`: linear terms."""

    terms: tuple[Term, ...] = ("1",)


class SequenceSpec(_Table):
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


class GroupSpec(_Table):
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


class ResidualSpec(_Table):
    """`[residual]`: one sd for each level of the columns `by`; `sd = 0` for known variances only."""

    by: Name | tuple[Name, ...] = "all"
    sd: Literal[0] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose levels have their own residual sd; none for a single sd."""
        names = (self.by,) if isinstance(self.by, str) else self.by
        return () if names == ("all",) else names


class EstimandSpec(_Table):
    """One line of `[estimands]`: a named function of the posterior."""

    function: EstimandFunction
    of: str
    group: str = ""
    to: str = ""


class ModelSpec(_Table):
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


def read_model(path: Path | str) -> ModelSpec:
    """Read a model file.

    Parameters
    ----------
    path : path
        A TOML file in the form that docs/model-file.md describes.

    Raises
    ------
    InvalidModel
        Where the file cannot be read or holds anything that is not allowed; all problems at once.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InvalidModel([f"{path}: there is no such model file.{_sibling(path)}"]) from None
    except IsADirectoryError:
        raise InvalidModel(
            [f"{path}: is a folder; name a model file, such as models/moderators.toml"]
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidModel([f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"]) from None
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidModel([f"{path}: not valid TOML: {error}"]) from None
    return parse_model(content, str(path))


def parse_model(content: dict[str, Any], origin: str = "model") -> ModelSpec:
    """Turn the content of a model file into a `ModelSpec`; `origin` is named in errors."""
    problems: list[str] = []
    content = dict(content)
    content["priors"] = _priors(content.get("priors", {}), problems)
    content["groups"] = _with_parents(content.get("groups", {}))
    try:
        spec = ModelSpec.model_validate(content)
    except ValidationError as error:
        problems += [_explain(detail) for detail in error.errors(include_url=False)]
        raise InvalidModel([f"{origin}: {problem}" for problem in problems]) from None
    problems += _contradictions(spec)
    if problems:
        raise InvalidModel([f"{origin}: {problem}" for problem in problems])
    if spec.outcome.family.residual == "":
        return spec.model_copy(update={"residual": ResidualSpec(sd=0)})
    return spec


def _sibling(path: Path) -> str:
    return nearest(path.name, [other.name for other in path.parent.glob("*.toml")])


def _with_parents(groups: Any) -> Any:
    """Add the groups that others are nested in and that the file does not list, before those others."""
    if not isinstance(groups, dict):
        return groups
    listed = cast("dict[str, Any]", groups)
    complete: dict[str, Any] = {}
    for name, entry in listed.items():
        parent = cast("dict[str, Any]", entry).get("within") if isinstance(entry, dict) else None
        if isinstance(parent, str) and parent and parent not in listed:
            complete.setdefault(parent, {})
        complete[name] = entry
    return complete


_PRIOR_TABLE = TypeAdapter(dict[str, dict[str, str | float]])


def _priors(table: Any, problems: list[str]) -> dict[str, Prior]:
    try:
        entries = _PRIOR_TABLE.validate_python(table)
    except ValidationError:
        problems.append('[priors] each line reads: "parameter" = { dist = "HalfNormal", sigma = 0.25 }')
        return {}
    found = {name: _prior(name, entry, problems) for name, entry in entries.items()}
    return {name: prior for name, prior in found.items() if prior is not None}


def _prior(name: str, entry: dict[str, str | float], problems: list[str]) -> Prior | None:
    allowed, kind = (POSITIVE, "a standard deviation") if is_positive(name) else (LOCATION, "a linear term")
    kind = "degrees of freedom" if name == "nu" else kind
    dist = str(entry.get("dist", ""))
    if dist not in allowed:
        problems.append(
            f"[priors] {name}: no distribution {dist!r} for {kind};"
            f" allowed: {', '.join(allowed)}.{nearest(dist, allowed)}"
        )
        return None
    needed = allowed[dist]
    given = {key: value for key, value in entry.items() if key != "dist"}
    found = [
        f"{dist} has no parameter {key!r}; it has {', '.join(needed) or 'none'}.{nearest(key, needed)}"
        for key in given
        if key not in needed
    ]
    found += [f"{dist} needs {key!r}" for key in needed if key not in given]
    numbers = {key: value for key, value in given.items() if not isinstance(value, str)}
    found += [f"{key} must be a number, not {given[key]!r}" for key in given if key not in numbers]
    found += _impossible(dist, {key: float(value) for key, value in numbers.items()})
    problems += [f"[priors] {name}: {problem}" for problem in found]
    return None if found else Prior(dist, tuple((key, float(numbers[key])) for key in needed))


def _impossible(dist: str, values: dict[str, float]) -> list[str]:
    infinite = [key for key, value in values.items() if not math.isfinite(value)]
    low = [key for key, value in values.items() if (dist, key) not in FREE and value <= 0]
    return [
        *(f"{key} must be a finite number, not {values[key]:g}" for key in infinite),
        *(f"{key} must be above 0, not {values[key]:g}" for key in low),
    ]


def is_positive(parameter: str) -> bool:
    """Say whether a parameter of this name is positive: an sd, a precision, degrees of freedom."""
    return parameter == "nu" or parameter.split(":")[0] in {"sd", "residual"}


def _explain(detail: Any) -> str:
    location = [str(part) for part in detail["loc"]]
    where = f"[{'.'.join(location[:-1])}] " if len(location) > 1 else ""
    key = location[-1]
    if detail["type"] == "extra_forbidden":
        allowed = _fields_at(location[:-1])
        return f"{where}unknown key {key!r}; allowed: {', '.join(allowed)}.{nearest(key, allowed)}"
    if detail["type"] == "missing":
        return f"{where}{key!r} is missing"
    value = detail["input"]
    hint = ""
    if detail["type"] == "literal_error":
        allowed = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        hint = nearest(str(value), allowed)
    return f"{where}{key} = {value!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}.{hint}"


def _fields_at(location: list[str]) -> list[str]:
    """Return the keys of the table at a place in the file; groups and estimands bear names of their own."""
    table: type[_Table] = ModelSpec
    parts = iter(location)
    for part in parts:
        annotation = table.model_fields[part].annotation
        if get_origin(annotation) is dict:
            next(parts)
        candidates = (annotation, *get_args(annotation))
        table = next(c for c in candidates if isinstance(c, type) and issubclass(c, _Table))
    return [field.alias or name for name, field in table.model_fields.items()]


def _contradictions(spec: ModelSpec) -> list[str]:
    return [
        *_bad_slopes(spec),
        *_bad_names(spec),
        *_bad_likelihood(spec),
        *_bad_priors(spec),
        *_bad_estimands(spec),
        *_bad_residual(spec),
    ]


MODERATORS = ("difficulty", "similarity")
"""What a stage's effect may depend on, alone or as a product."""
RESERVED = {"all", "residual", STAGE}
"""No group bears these names."""
TAKEN = (
    "sd",
    "residual",
    "residual_level_sd",
    "recency",
    "nu",
    "chain",
    "draw",
    "residual_level",
    "stage_level",
)
"""Parameters and dimensions of a posterior: columns of fixed terms and estimands bear other names."""


def _bad_slopes(spec: ModelSpec) -> list[str]:
    problems: list[str] = []
    sequence = spec.sequence
    if sequence is not None and spec.data.layout == "any":
        problems.append('[sequence]: needs the tidy result table; with schema = "any" leave it out')
    terms = () if sequence is None else sequence.moderators
    problems += [
        f"[sequence] moderators: no moderator {word!r}; allowed: difficulty, similarity, and their product"
        f" difficulty:similarity.{nearest(word, MODERATORS)}"
        for term in terms
        for word in term.split(":")
        if word not in MODERATORS
    ]
    problems += [
        f"[fixed] terms: {term!r} is a term of [sequence] already"
        for term in spec.fixed.terms
        if term in terms or (sequence is not None and term == STAGE)
    ]
    for name, group in spec.groups.items():
        problems += _bad_group(name, group, spec)
    for place, listed in (("[fixed] terms", spec.fixed.terms), ("[sequence] moderators", terms)):
        problems += [
            f"{place}: {term!r} is listed twice" for term in sorted(set(listed)) if listed.count(term) > 1
        ]
    return problems


def _bad_names(spec: ModelSpec) -> list[str]:
    """Say which columns and estimands could not be told from what the model itself has under their name."""
    taken = {*TAKEN, *(f"{group}_level" for group in spec.groups)}
    words = dict.fromkeys(word for term in spec.fixed.terms for word in term.split(":"))
    return [
        *(
            f"[fixed] terms: {word!r} is a name of the model itself; rename the column, for example {word}_x"
            for word in words
            if word in taken
        ),
        *(
            f"[estimands.{name}]: the name is that of a parameter, or of the model itself; choose another,"
            f" for example {name}_{estimand.function}"
            for name, estimand in spec.estimands.items()
            if name in taken or name in spec.slopes()
        ),
    ]


def _bad_group(name: str, group: GroupSpec, spec: ModelSpec) -> list[str]:
    problems: list[str] = []
    if name in RESERVED:
        problems.append(f"[groups.{name}]: the name is taken by the model itself; choose another")
    if group.within == name:
        problems.append(f"[groups.{name}] within: a group cannot be nested in itself")
    elif _nested_in_a_circle(name, spec):
        problems.append(f"[groups.{name}] within: the groups are nested in a circle")
    if len(set(group.by)) < len(group.by):
        problems.append(f"[groups.{name}] by: a term is listed twice")
    moderators = () if spec.sequence is None else spec.sequence.moderators
    problems += [
        f"[groups.{name}] by: {term!r} is no moderator of [sequence]; list it there, too"
        for term in group.by
        if set(term.split(":")) & {*MODERATORS, STAGE} and term not in (*moderators, STAGE)
    ]
    if STAGE in group.by and spec.sequence is None:
        problems.append(f"[groups.{name}] by: {STAGE!r} needs [sequence]")
    return problems


def _nested_in_a_circle(name: str, spec: ModelSpec) -> bool:
    seen = [name]
    while parent := spec.groups[seen[-1]].within:
        if parent in seen:
            return True
        seen.append(parent)
    return False


def _bad_priors(spec: ModelSpec) -> list[str]:
    family = spec.outcome.family
    allowed = ["sd", *(["residual"] if family.residual else []), *spec.slopes(), *spec.sd_names()]
    if spec.outcome.likelihood == "student_t":
        allowed.append("nu")
    if spec.residual.columns:
        allowed.append("sd:residual")
    if spec.sequence is not None and spec.sequence.recency:
        allowed.append("recency")
    return [
        f"[priors] no parameter {name!r}; this model has {', '.join(allowed)}.{nearest(name, allowed)}"
        for name in spec.priors
        if name not in allowed and _term(name) not in spec.fixed.terms
    ]


def _bad_estimands(spec: ModelSpec) -> list[str]:
    return [problem for name, entry in spec.estimands.items() for problem in _bad_estimand(name, entry, spec)]


def _bad_estimand(name: str, estimand: EstimandSpec, spec: ModelSpec) -> list[str]:
    ratio = estimand.function == "ratio"
    of_noise = ["residual"] if spec.outcome.family.residual == "sd" else []
    allowed = [*spec.sd_names(), *of_noise] if ratio else list(spec.slopes())
    problems = [
        f"[estimands.{name}] no parameter {word!r}; allowed: {', '.join(allowed)}.{nearest(word, allowed)}"
        for word in ((estimand.of, estimand.to) if ratio else (estimand.of,))
        if _term(word) not in allowed
    ]
    if not ratio and estimand.of == "1" and spec.outcome.scale != "identity":
        problems.append(f"[estimands.{name}] of = '1': the intercept is a level, which has no size in points")
    having = [group for group, entry in spec.groups.items() if estimand.of in entry.by]
    if estimand.function in {"sd_points", "level_points", "same_sign"} and estimand.group not in having:
        problems.append(
            f"[estimands.{name}] group = {estimand.group!r}: no group of that name lists {estimand.of!r} in"
            f" `by`; those that do: {', '.join(having) or 'none'}.{nearest(estimand.group, having)}"
        )
    return problems


def _term(word: str) -> str:
    """Return the term of a column's name: `tuning` of `tuning[lora]`."""
    return word.split("[")[0]


def _bad_likelihood(spec: ModelSpec) -> list[str]:
    """Return what `[outcome]` says that its likelihood has no use for, and what it needs."""
    outcome, name = spec.outcome, f"[outcome] likelihood = {spec.outcome.likelihood!r}"
    if not outcome.family.counts:
        return (
            [f'{name} has no use for `trials`; leave it out, or choose "binomial"'] if outcome.trials else []
        )
    problems: list[str] = []
    if outcome.scale != "logit":
        problems.append(f'{name} needs scale = "logit", not {outcome.scale!r}: it models the odds of success')
    if outcome.variance:
        problems.append(f"{name} knows the variance of a count from its trials; take `variance` out")
    if spec.data.layout == "any" and not outcome.trials:
        problems.append(f'{name} needs the column of trials: `trials = "n"` beside `column`, the successes')
    if spec.data.layout == "results" and outcome.trials:
        problems.append(f"{name}: in result tables n_test says how many trials there were; take `trials` out")
    return problems


def _bad_residual(spec: ModelSpec) -> list[str]:
    family = spec.outcome.family
    if family.residual == "" and spec.residual.columns:
        return [
            '[residual] by: a binomial has no residual; choose likelihood = "beta_binomial", or take it out'
        ]
    if family.residual == "precision" and spec.residual.sd == 0:
        return ['[residual] sd = 0: a beta_binomial without overdispersion is likelihood = "binomial"']
    if family.counts:
        return []
    if spec.residual.sd == 0 and spec.residual.columns:
        return ["[residual] sd = 0 leaves no residual sd whose levels `by` could name; take one of them out"]
    if spec.residual.sd == 0 and not spec.outcome.variance:
        return ["[residual] sd = 0 needs known variances: name their column in [outcome] variance"]
    return []

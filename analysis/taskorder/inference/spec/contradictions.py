"""What a model file says twice, or in one place against another, though each table is well formed."""

from __future__ import annotations

from collections.abc import Sequence

from taskorder.errors import nearest
from taskorder.inference.spec.tables import (
    STAGE,
    EstimandFunction,
    EstimandSpec,
    GroupSpec,
    ModelSpec,
    summands,
)

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
_KEYS: dict[EstimandFunction, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "points": (("of",), ()),
    "contrast": (("of", "to"), ()),
    "sd_points": (("of", "group"), ()),
    "level_points": (("of", "group"), ()),
    "worst_level_points": (("of", "group"), ()),
    "same_sign": (("of", "group"), ()),
    "ratio": (("of", "to"), ()),
    "recency": ((), ()),
    "curriculum": (("of",), ()),
    "order_sd": (("steps",), ("group",)),
    "order_ratio": (("steps", "to"), ("group",)),
    "best_order": (("steps",), ("group",)),
}
"""What each function of `[estimands]` needs, and what else it takes."""
_OF_TWO = {"ratio", "contrast"}
_OF_LEVELS = {"sd_points", "level_points", "worst_level_points", "same_sign"}
_OF_ORDERS = {"order_sd", "order_ratio", "best_order"}


def contradictions(spec: ModelSpec) -> list[str]:
    """Return every problem of a model whose tables are each as they should be."""
    return [
        *_bad_slopes(spec),
        *_bad_names(spec),
        *_bad_likelihood(spec),
        *_bad_priors(spec),
        *_bad_estimands(spec),
        *_bad_residual(spec),
        *_bad_networks(spec),
    ]


def _bad_slopes(spec: ModelSpec) -> list[str]:
    problems: list[str] = []
    sequence = spec.sequence
    if sequence is not None and spec.data.layout == "any":
        problems.append('[sequence]: needs the tidy result table; with schema = "any" leave it out')
    if spec.data.average and spec.data.layout == "any":
        problems.append('[data] average: needs the tidy result table; with schema = "any" leave it out')
    terms = () if sequence is None else sequence.moderators
    problems += [
        f"[sequence] moderators: no moderator {word!r}; allowed: difficulty, similarity, and their product"
        f" difficulty:similarity.{nearest(word, MODERATORS)}"
        for term in terms
        for word in term.split(":")
        if word not in MODERATORS
    ]
    words = {word: None for term in spec.fixed.terms if term != "1" for word in term.split(":")}
    problems += [
        f"[fixed] reference: {name!r} is in no term; the columns of the terms are {', '.join(words)}."
        f"{nearest(name, words)}"
        for name in spec.fixed.reference
        if name not in words
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
    return [
        f"[estimands.{name}] {problem}"
        for name, entry in spec.estimands.items()
        for problem in (_bad_keys(entry) or _bad_estimand(entry, spec))
    ]


def _bad_keys(estimand: EstimandSpec) -> list[str]:
    """Say which keys an estimand's function lacks, and which ones it has no use for."""
    needed, optional = _KEYS[estimand.function]
    given = [key for key in ("of", "group", "to", "steps") if getattr(estimand, key)]
    place = f"function = {estimand.function!r}"
    return [
        *(f"{place} needs `{key}`" for key in needed if key not in given),
        *(
            f"{place} has no use for `{key}`; it takes {', '.join((*needed, *optional)) or 'no key'}"
            for key in given
            if key not in (*needed, *optional)
        ),
    ]


def _bad_estimand(estimand: EstimandSpec, spec: ModelSpec) -> list[str]:
    function = estimand.function
    if function in _OF_ORDERS:
        return _bad_order(estimand, spec)
    if function == "recency":
        return _no_recency(spec)
    named = [estimand.of, *([estimand.to] if function in _OF_TWO else [])]
    if function == "ratio":
        return [problem for word in named for problem in _no_sds(word, spec)]
    problems = [problem for word in named for problem in _no_parameter(word, spec.slopes())]
    if function == "curriculum":
        problems += _bad_curriculum(estimand, spec)
    if estimand.of == "1" and function != "sd_points" and spec.outcome.scale != "identity":
        problems.append("of = '1': the intercept is a level, which has no size in points")
    return problems + (_bad_group_of(estimand.of, estimand.group, spec) if function in _OF_LEVELS else [])


def _no_sds(names: str, spec: ModelSpec) -> list[str]:
    allowed = (*spec.sd_names(), *(["residual"] if spec.outcome.family.residual == "sd" else []))
    return [problem for word in summands(names) for problem in _no_parameter(word, allowed)]


def _no_parameter(word: str, allowed: Sequence[str]) -> list[str]:
    if _term(word) in allowed:
        return []
    return [f"no parameter {word!r}; allowed: {', '.join(allowed)}.{nearest(word, allowed)}"]


def _bad_group_of(term: str, group: str, spec: ModelSpec) -> list[str]:
    having = [name for name, entry in spec.groups.items() if term in entry.by]
    if group in having:
        return []
    return [
        f"group = {group!r}: no group of that name lists {term!r} in `by`; those that do:"
        f" {', '.join(having) or 'none'}.{nearest(group, having)}"
    ]


def _bad_curriculum(estimand: EstimandSpec, spec: ModelSpec) -> list[str]:
    """Say why a term has no curriculum: it is no moderator of stages, or these have no recency."""
    sequence = spec.sequence
    moderators = () if sequence is None else tuple(set(sequence.moderators) & set(MODERATORS))
    if estimand.of not in moderators:
        return [
            f"of = {estimand.of!r}: a curriculum is one of difficulty or similarity, listed in [sequence]"
            f" moderators.{nearest(estimand.of, moderators)}"
        ]
    return _no_recency(spec)


def _no_recency(spec: ModelSpec) -> list[str]:
    if spec.sequence is not None and spec.sequence.recency:
        return []
    return ["needs [sequence] recency = true: else it does not matter which stage is last"]


def _bad_order(estimand: EstimandSpec, spec: ModelSpec) -> list[str]:
    problems = _bad_group_of("1", estimand.group, spec) if estimand.group else []
    if not estimand.group and (spec.sequence is None or not spec.sequence.recency):
        problems.append(
            "nothing in this model depends on the order of stages: set [sequence] recency = true, or name the"
            " group of the orders: `group`"
        )
    return problems + (_no_sds(estimand.to, spec) if estimand.to else [])


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


def _bad_networks(spec: ModelSpec) -> list[str]:
    terms = [term for term in spec.fixed.terms if term != "1" and ":" not in term]
    problems = [
        f"[networks.{name}]: the column must be a term of [fixed]; terms are {', '.join(terms) or 'none'}."
        f"{nearest(name, terms)}"
        for name in spec.networks
        if name not in terms
    ]
    problems += [
        f"[networks.{name}] trial: {name!r} is what a trial compares; take it out"
        for name, network in spec.networks.items()
        if name in network.trial
    ]
    return problems

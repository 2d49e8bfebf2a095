"""Words for what a model file names: terms, groups, parameters and estimands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from taskorder.inference.priors import bulk
from taskorder.inference.spec import STAGE, EstimandSpec, ModelSpec, crossed_names, sd_name, summands
from taskorder.reporting.wording import counted, listed, sentence_case

KNOWN = 3.0
"""A prior holds a sd where its bulk ends at less than so many times where it begins: a LogNormal whose sigma
is below 0.18."""

_LONG = {
    "difficulty": "difficulty of the intermediate task",
    "similarity": "similarity of the intermediate task to its target",
    STAGE: "intermediate task of average difficulty and similarity",
}

_CURRICULUM = {
    "difficulty": "from easy to hard, not from hard to easy",
    "similarity": "from far to near, not from near to far",
}


def plain(name: str) -> str:
    """Return a name as words: `train_language` is `train language`; an interaction gets its cross."""
    return " × ".join(part.replace("_", " ") for part in name.split(":"))


def plural(noun: str) -> str:
    """Return the plural of a group's name."""
    words = plain(noun)
    if words.endswith("y") and words[-2:-1] not in "aeiou":
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith(("s", "x", "ch", "sh")) else f"{words}s"


def term(name: str) -> str:
    """Return a linear term in a word or two, as a label: `tuning[lora]` is `tuning: lora`."""
    if name == "1":
        return "intercept"
    if name.endswith("]"):
        column, _, level = name.removesuffix("]").partition("[")
        return f"{plain(column)}: {plain(level)}"
    return "intermediate task" if name == STAGE else plain(name)


def long_term(name: str, spec: ModelSpec) -> str:
    """Return a linear term in full, as a sentence needs it."""
    stages = () if spec.sequence is None else (STAGE, *spec.sequence.moderators)
    return _LONG.get(name, term(name)) if name in stages else term(name)


def between(group: str, spec: ModelSpec | None) -> str:
    """Return what the levels of a group are: `targets`, or the columns that they are combinations of."""
    entry = spec.groups.get(group) if spec else None
    if entry is None or entry.columns in {(), (group,)}:
        within = f" within {between(entry.within, spec)}" if entry and entry.within else ""
        return f"{plural(group)}{within}"
    columns = ((entry.within,) if entry.within else ()) + entry.columns
    what = plural(columns[0]) if len(columns) == 1 else " × ".join(map(plain, columns))
    twins = [other for other in spec.groups.values() if other.columns == entry.columns] if spec else []
    condition = entry.where.replace("==", "=").replace("'", "")
    return f"{what}, {plain(condition)}" if condition and len(twins) > 1 else what


def estimand(entry: EstimandSpec, spec: ModelSpec | None = None) -> str:
    """Return what an estimand is, as a label."""
    of, over = term(entry.of), between(entry.group, spec)
    sd = f"sd over {over}" if entry.of == "1" else f"{of}: sd over {over}"
    labels: dict[str, str] = {
        "points": of,
        "contrast": f"{of} against {_beside(entry.of, entry.to)}",
        "sd_points": sd,
        "level_points": f"{of}, by {plain(entry.group)}",
        "same_sign": f"{of}: one sign in all {over}",
        "worst_level_points": f"{of}: the least of all {over}",
        "ratio": f"{_sd_of_sum(entry.of, _sd)} over {_sd_of_sum(entry.to, _that)}",
        "recency": "recency",
        "curriculum": _CURRICULUM.get(entry.of, of),
        "order_sd": f"orders of {entry.steps} tasks: sd",
        "order_ratio": f"orders of {entry.steps} tasks: sd over {_sd_of_sum(entry.to, _that)}",
        "best_order": f"orders of {entry.steps} tasks: the best over their mean",
    }
    return sentence_case(labels.get(entry.function, f"{of}: {plain(entry.function)}"))


def quantity(entry: EstimandSpec, spec: ModelSpec | None = None) -> str:
    """Return what an estimand is, as the subject of a sentence."""
    of, over = term(entry.of), between(entry.group, spec)
    orders = f"the orders of {counted(entry.steps or 0, 'task')}"
    multiple = f"as a multiple of {_sd_of_sum(entry.to, _spread)},"
    return {
        "sd_points": f"the standard deviation of the {slope(entry.of)} over {over}",
        "worst_level_points": f"the least {slope(entry.of)} of all {over}",
        "same_sign": f"that {of} has one sign in all {over}",
        "ratio": f"{_sd_of_sum(entry.of, _spread)}, {multiple}",
        "recency": "the rate at which the weight of a stage decays with each later stage",
        "order_sd": f"the standard deviation over {orders}",
        "order_ratio": f"the standard deviation over {orders}, {multiple}",
        "best_order": f"what the best of {orders} scores above their mean",
    }.get(entry.function, of)


def slope(of: str) -> str:
    """Return what varies over the levels of a group."""
    return {"1": "mean", STAGE: "gain from an intermediate task"}.get(of, f"slope of {term(of)}")


def _sd_of_sum(parameters: str, name_of: Callable[[str], str]) -> str:
    """Return the sd of a sum of independent effects, of which `name_of` names the sd of one.

    Their variances add up: that of two draws from one group is √2 times the group's.
    """
    counts = Counter(summands(parameters))
    if len(counts) == 1:
        ((one, n),) = counts.items()
        return f"√{n} × {name_of(one)}" if n > 1 else name_of(one)
    added = [
        ("residuals" if one == "residual" else parameter_of(one)) + (f" ({n} times)" if n > 1 else "")
        for one, n in counts.items()
    ]
    return f"the sd of {listed(added)} together"


def _sd(parameter: str) -> str:
    words = parameter_of(parameter)
    return f"{words}: sd" if parameter.startswith("sd:") else words


def _that(parameter: str) -> str:
    words = parameter_of(parameter)
    return f"that of {words}" if parameter.startswith("sd:") else words


def _spread(parameter: str) -> str:
    """Return an sd as a sentence needs it, such as `the sd of the slope of difficulty over systems`."""
    if not parameter.startswith("sd:"):
        return f"the {parameter_of(parameter)}"
    group, *slopes = parameter.removeprefix("sd:").split(":")
    if group == STAGE or not slopes:
        return f"the sd over {parameter_of(parameter)}"
    return f"the sd of the {slope(':'.join(slopes))} over {between(group, None)}"


def _beside(of: str, to: str) -> str:
    """Return a term's label; a level's alone where the other term is of the same column."""
    column, bracket, level = to.removesuffix("]").partition("[")
    return plain(level) if bracket and of.startswith(f"{column}[") else term(to)


def parameter_of(name: str, spec: ModelSpec | None = None) -> str:
    """Return a parameter of the model as a label, such as `sd of difficulty between systems`."""
    if name == "residual":
        return "typical residual sd"
    if name == "sd:residual":
        return "spread of the residual sds (log)"
    if name.startswith("residual:"):
        return f"residual sd, {name.removeprefix('residual:')}"
    if name == "recency":
        return "recency"
    if not name.startswith("sd:"):
        return term(name)
    group, *slopes = name.removeprefix("sd:").split(":")
    if group == STAGE:
        return f"tasks, by {plain(slopes[0])}" if slopes else "intermediate tasks"
    levels = between(group, spec)
    return f"{term(':'.join(slopes))}, between {levels}" if slopes else levels


def heterogeneity(spec: ModelSpec) -> dict[str, tuple[str, str]]:
    """Return for each sd between levels what differs, and between what; an sd that its prior holds is marked.

    `sd:target:difficulty` is `("slope of difficulty", "targets")`.
    """
    found: dict[str, tuple[str, str]] = {}
    if spec.sequence is not None:
        for group, column in crossed_names(spec.sequence).items():
            levels = f"pairs of task and {plain(column)}" if column else "intermediate tasks"
            found[f"sd:{group}"] = ("gain from a task" if column else "gain", levels)
    for group, entry in spec.groups.items():
        for by in entry.by:
            what = "score" if by == "1" else "gain" if by == STAGE else f"slope of {term(by)}"
            found[sd_name(group, by)] = (what, between(group, spec))
    return {
        sd: (what, f"{levels} (held by its prior)" if held(sd, spec) else levels)
        for sd, (what, levels) in found.items()
    }


def held(sd: str, spec: ModelSpec) -> bool:
    """Say whether the model file gives an sd a prior so narrow that the data have next to no say in it."""
    if sd not in spec.priors:
        return False
    low, high = bulk(spec.priors[sd])
    return high < KNOWN * low

"""Words for what a model file names: terms, groups, parameters and estimands."""

from __future__ import annotations

from collections import Counter

from taskorder.inference.spec import STAGE, EstimandSpec, ModelSpec, crossed_names, sd_name, summands
from taskorder.reporting.wording import counted, sentence_case

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
        "ratio": f"{_sum_of(entry.of)} over {_sum_of(entry.to)}",
        "recency": "recency",
        "curriculum": _CURRICULUM.get(entry.of, of),
        "order_sd": f"orders of {entry.steps} tasks: sd",
        "order_ratio": f"orders of {entry.steps} tasks: sd over that of {_sum_of(entry.to)}",
        "best_order": f"orders of {entry.steps} tasks: the best over their mean",
    }
    return sentence_case(labels.get(entry.function, f"{of}: {plain(entry.function)}"))


def quantity(entry: EstimandSpec, spec: ModelSpec | None = None) -> str:
    """Return what an estimand is, as the subject of a sentence."""
    of, over = term(entry.of), between(entry.group, spec)
    orders = f"the orders of {counted(entry.steps or 0, 'task')}"
    return {
        "sd_points": f"the standard deviation of the {_slope(entry.of)} over {over}",
        "worst_level_points": f"the least {_slope(entry.of)} of all {over}",
        "same_sign": f"that {of} has one sign in all {over}",
        "ratio": f"the ratio of {_sum_of(entry.of)} to {_sum_of(entry.to)}",
        "recency": "the rate at which the weight of a stage decays with each later stage",
        "order_sd": f"the standard deviation over {orders}",
        "order_ratio": f"the standard deviation over {orders}, as a multiple of that of {_sum_of(entry.to)},",
        "best_order": f"what the best of {orders} scores above their mean",
    }.get(entry.function, of)


def _slope(of: str) -> str:
    """Return what varies over the levels of a group."""
    return {"1": "mean", STAGE: "gain from an intermediate task"}.get(of, f"slope of {term(of)}")


def _sum_of(parameters: str) -> str:
    """Return sds as a label; several of one are those of as many draws."""
    counts = Counter(summands(parameters)) if parameters else Counter[str]()
    return " and ".join(
        f"{n} × {parameter_of(name)}" if n > 1 else parameter_of(name) for name, n in counts.items()
    )


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
    group, *slope = name.removeprefix("sd:").split(":")
    if group == STAGE:
        return f"tasks, by {plain(slope[0])}" if slope else "intermediate tasks"
    levels = between(group, spec)
    return f"{term(':'.join(slope))}, between {levels}" if slope else levels


def heterogeneity(spec: ModelSpec) -> dict[str, tuple[str, str]]:
    """Return for each sd between levels what differs, and between what.

    `sd:target:difficulty` is `("slope of difficulty", "targets")`.
    """
    found: dict[str, tuple[str, str]] = {}
    if spec.sequence is not None:
        for group, column in crossed_names(spec.sequence).items():
            levels = f"pairs of task and {plain(column)}" if column else "intermediate tasks"
            found[f"sd:{group}"] = ("gain from a task" if column else "gain", levels)
    for group, entry in spec.groups.items():
        for slope in entry.by:
            what = "score" if slope == "1" else "gain" if slope == STAGE else f"slope of {term(slope)}"
            found[sd_name(group, slope)] = (what, between(group, spec))
    return found

"""What the tables of an experiment file contradict each other in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from taskorder.errors import InvalidExperiment, InvalidSequence, nearest
from taskorder.harness.experiments.orders import tasks_of
from taskorder.harness.experiments.settings import ONLY_FOR, Tuning
from taskorder.harness.noise import perturbation
from taskorder.results.sequences import Stage, parse, task_fault

if TYPE_CHECKING:
    from taskorder.harness.experiments.experiment import Experiment

type Problem = tuple[tuple[str, ...], str]
"""Where in the file, as the keys that lead there, and what is wrong."""

ALL = "mul"
"""All languages that there are texts of."""
TUNINGS: tuple[str, ...] = get_args(Tuning)


def contradictions(experiment: Experiment) -> list[Problem]:
    """Return all that is wrong with an experiment whose tables are each well formed."""
    problems = [*_bad_lists(experiment), *_bad_sequences(experiment), *_bad_perturbations(experiment)]
    return problems or [*_bad_seeds(experiment), *_bad_targets(experiment), *_bad_overrides(experiment)]


def _bad_lists(experiment: Experiment) -> list[Problem]:
    lists: dict[tuple[str, ...], tuple[object, ...]] = {
        ("backbones",): tuple(experiment.backbone_name(name) for name in experiment.backbones),
        ("seeds",): experiment.seeds,
        ("tuning",): experiment.tuning,
        ("sequences", "pool"): experiment.sequences.pool,
        ("sequences", "lengths"): experiment.sequences.lengths,
        ("evaluation", "perturbations"): experiment.evaluation.perturbations,
    }
    for name, target in experiment.targets.items():
        lists["targets", name, "evaluate"] = target.evaluate if target.evaluate != "all" else ()
    problems: list[Problem] = [
        (place, f"{'.'.join(place)}: {value!r} is listed twice: list it once.")
        for place, values in lists.items()
        for value, count in Counter(values).items()
        if count > 1
    ]
    problems += [
        (
            ("targets", name, "evaluate"),
            f'[targets.{name}] evaluate is empty: list languages, or write "all".',
        )
        for name, target in experiment.targets.items()
        if target.evaluate == ()
    ]
    if "" in lists[("backbones",)]:
        problems.append((("backbones",), "backbones: a name is empty."))
    tasks = Path(experiment.tasks)
    if experiment.tasks and (tasks.is_absolute() or ".." in tasks.parts):
        problems.append(
            (("tasks",), f"tasks = {experiment.tasks!r}: name a folder beside the experiment file.")
        )
    elif not (experiment.folder / tasks).is_dir():
        problems.append(
            (("tasks",), f"tasks = {experiment.tasks!r}: there is no such folder beside the file.")
        )
    return problems


def _bad_sequences(experiment: Experiment) -> list[Problem]:
    table, place = experiment.sequences, ("sequences", "pool")
    if isinstance(table.orders, tuple):
        if table.pool or table.lengths:
            other = "pool" if table.pool else "lengths"
            return [(("sequences", other), f"[sequences] {other}: orders lists the sequences; take it out.")]
        return _bad_orders(table.orders)
    problems: list[Problem] = []
    for step in table.pool:
        problems += [(place, f"[sequences] pool: {fault}") for fault in _step_faults(step)]
    if not table.lengths:
        return [*problems, (("sequences", "lengths"), "[sequences] 'lengths' is missing, such as [0, 1, 2].")]
    if max(table.lengths) > len(table.pool):
        message = (
            f"[sequences] lengths: {max(table.lengths)} steps of a pool of {len(table.pool)}, each of which a"
            " sequence holds at most once."
        )
        problems.append((("sequences", "lengths"), message))
    return problems


def _bad_seeds(experiment: Experiment) -> list[Problem]:
    lengths = [str(length) for length in sorted({len(order) for order in experiment.orders()})]
    seeds = ", ".join(map(str, experiment.seeds))
    problems: list[Problem] = []
    for length, wanted in experiment.sequences.seeds.items():
        place, fault = ("sequences", "seeds", length), ""
        if length not in lengths:
            fault = f"no sequence has that length; they have {', '.join(lengths)}"
        elif not wanted:
            fault = "is empty: list seeds, or leave the length out of lengths"
        elif other := [seed for seed in wanted if seed not in experiment.seeds]:
            fault = f"{other[0]} is none of the experiment's seeds, which are {seeds}"
        elif len(set(wanted)) < len(wanted):
            fault = "a seed is listed twice: list it once"
        if fault:
            problems.append((place, f"[sequences.seeds] {length}: {fault}."))
    idle = [seed for seed in experiment.seeds if not experiment.orders_of(seed)]
    if idle and not problems:
        remedy = "list it in [sequences.seeds], or leave it out"
        problems.append((("seeds",), f"seeds: no sequence is trained with seed {idle[0]}: {remedy}."))
    return problems


def _bad_orders(orders: tuple[str, ...]) -> list[Problem]:
    place = ("sequences", "orders")
    problems: list[Problem] = []
    if not orders:
        problems.append((place, '[sequences] orders is empty: list sequences; "" is direct fine-tuning.'))
    for order, count in Counter(orders).items():
        if count > 1:
            problems.append((place, f"[sequences] orders: {order!r} is listed twice: list it once."))
        try:
            steps = parse(order)
        except InvalidSequence as error:
            problems.append((place, f"[sequences] orders: {error}"))
            continue
        faults = [fault for step in steps for fault in _stage_faults(step)]
        problems += [(place, f"[sequences] orders: {order!r}: {fault}") for fault in faults]
    return problems


def _step_faults(step: str) -> list[str]:
    try:
        steps = parse(step)
    except InvalidSequence as error:
        return [str(error)]
    if len(steps) != 1:
        return [f"{step!r} is no single step: list the steps, or write whole sequences into orders."]
    return _stage_faults(steps[0])


def _stage_faults(step: tuple[Stage, ...]) -> list[str]:
    faults = [f"{stage} is named twice in one step." for stage, n in Counter(step).items() if n > 1]
    for stage in step:
        wanted = {"mlm": 1, "tlm": 2}.get(stage.task)
        if wanted is not None and len(stage.languages()) != wanted and stage.language != ALL:
            example = "mlm[sw], one language" if wanted == 1 else "tlm[en-sw], a pair of languages"
            faults.append(f"{stage}: write {example}, or {stage.task}[{ALL}], all that there are.")
    return faults


def _bad_targets(experiment: Experiment) -> list[Problem]:
    problems: list[Problem] = []
    tasks = tasks_of(experiment.sequences)
    for name, target in experiment.targets.items():
        if fault := task_fault(name):
            problems.append((("targets", name), f"[targets] {fault}."))
        if target.reuse_head and target.reuse_head not in tasks:
            message = (
                f"[targets.{name}] reuse_head = {target.reuse_head!r}: no sequence holds that task; they hold"
                f" {', '.join(tasks) or 'none'}.{nearest(target.reuse_head, tasks)}"
            )
            problems.append((("targets", name, "reuse_head"), message))
    return problems


def _bad_perturbations(experiment: Experiment) -> list[Problem]:
    problems: list[Problem] = []
    for text in experiment.evaluation.perturbations:
        try:
            perturbation.parse(text)
        except InvalidExperiment as error:
            problems.append((("evaluation", "perturbations"), f"[evaluation] {error}"))
    return problems


def _bad_overrides(experiment: Experiment) -> list[Problem]:
    steps = {step for order in experiment.orders() for step in order}
    joint = ["+".join(map(str, step)) for step in steps]
    known = sorted({*TUNINGS, *tasks_of(experiment.sequences), *experiment.targets, *joint})
    problems: list[Problem] = []
    for name, table in experiment.overrides.items():
        place = ("training", name)
        if name not in known:
            message = f"[training.{name}] names no task of the experiment; they are {', '.join(known)}."
            problems.append((place, message + nearest(name, known)))
        problems += [
            ((*place, key), f"[training.{name}] {key}: only {ONLY_FOR[key]} has it.")
            for key in table
            if name in TUNINGS and ONLY_FOR.get(key, name) != name
        ]
    return problems

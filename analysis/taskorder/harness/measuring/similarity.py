"""How alike the stages of an experiment are to its targets: in their texts, and in its backbones' eyes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taskorder.harness.examples import Example
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.measuring.difficulty import stages_of
from taskorder.harness.measuring.likeness import (
    Embedder,
    cosine,
    has_weights,
    jensen_shannon,
    texts,
    token_counts,
)
from taskorder.harness.measuring.measures import Measure
from taskorder.harness.streams import number, stream
from taskorder.harness.tasks.task import Task, find_task
from taskorder.results.sequences import Stage

Floats = NDArray[np.float64]
type Identity = tuple[str, str, tuple[str, ...], bool]

COUNTED = 10_000
"""Examples whose tokens are counted, at most."""
EMBEDDED = 1_000
"""Examples that an encoder reads, at most."""
FEWEST = 3
"""Tasks of which a common mean is taken, at least: two, centred, are always opposite."""


@dataclass(frozen=True)
class Texts:
    """Examples of a task, drawn by a seed: what is compared.

    Attributes
    ----------
    key : str
        What tables call them: ``ner``, ``mlm[sw]``, ``udpos[de]``.
    task : Task
    split : str
    languages : tuple of str
        One; several for a retrieval task as a whole.
    max_length : int
        Tokens of an input at most, for an encoder.
    seed : int
    pivot : bool
        Of pairs for retrieval, read the pivot's side.
    """

    key: str
    task: Task
    split: str
    languages: tuple[str, ...]
    max_length: int
    seed: int
    pivot: bool = False

    @property
    def identity(self) -> Identity:
        """What decides the examples."""
        return self.task.name, self.split, self.languages, self.pivot

    @property
    def embeddable(self) -> bool:
        """Whether an encoder mean is taken: of tasks that heads are trained for."""
        return self.task.kind not in ("lines", "retrieval")

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """At most `COUNTED`, in the order of the draw."""
        found = [one for language in self.languages for one in self.task.examples(self.split, language)]
        names = ("measure", self.task.name, self.split, *self.languages)
        return tuple(found[i] for i in stream(self.seed, *names).permutation(len(found))[:COUNTED])

    def tokens(self, tokenizer: Any) -> Floats:
        """Count tokens, (V,)."""
        return token_counts(
            tokenizer, [text for one in self.examples for text in texts(one, pivot=self.pivot)]
        )


def similarities(experiment: Experiment, seed: int) -> tuple[list[Measure], tuple[str, ...]]:
    """Measure how alike each stage is to each target, under every backbone.

    Returns
    -------
    list of Measure
    tuple of str
        What a person should know of the values.

    Raises
    ------
    InvalidTask, MissingData
        If a task, its data or a backbone cannot be read.
    """
    from taskorder.harness.model.encoders import read_tokenizer

    stages = [_of_stage(experiment, stage, seed) for stage in stages_of(experiment)]
    targets = [_of_target(experiment, name, seed) for name in experiment.targets]
    tests = [one for name in experiment.targets for one in _of_tests(experiment, name, seed)]
    values: list[Measure] = []
    notes: list[str] = []
    for backbone in experiment.backbones:
        place, name = experiment.backbone_place(backbone), experiment.backbone_name(backbone)
        origin = f"{experiment.name}, {name}" + ("" if has_weights(place) else " with weights from chance")
        tokenizer = read_tokenizer(place)
        compare = Comparison(name, origin, COUNTED)
        counts = {one.identity: one.tokens(tokenizer) for one in (*stages, *targets, *tests)}
        values += compare("tokens", stages, targets, counts, _overlap)
        values += compare("tokens_by_language", stages, tests, counts, _overlap)
        values += _encoder_means(stages, targets, Embedder(place, tokenizer, _weights(seed)), compare)
        if not has_weights(place):
            notes.append(
                f"Backbone {name} has no weights: its encoder means are those of a random encoder, and mean"
                " little."
            )
    return values, tuple(notes)


def _weights(seed: int) -> int:
    return number(seed, "measure", "weights")


def _overlap(first: Floats, second: Floats) -> float:
    return 1 - jensen_shannon(first, second)


@dataclass(frozen=True)
class Comparison:
    """How values of pairs become rows: of which backbone they are, and of how many examples at most."""

    backbone: str
    origin: str
    most: int

    def __call__(
        self,
        measure: str,
        stages: Sequence[Texts],
        targets: Sequence[Texts],
        vectors: dict[Identity, Floats],
        likeness: Callable[[Floats, Floats], float],
    ) -> list[Measure]:
        """Compare each stage with each target; a pair without a value has no row."""
        rows: list[Measure] = []
        for stage in stages:
            for target in targets:
                value = likeness(vectors[stage.identity], vectors[target.identity])
                if not math.isnan(value):
                    sizes = [min(self.most, len(one.examples)) for one in (stage, target)]
                    source = f"{self.origin}: {sizes[0]} and {sizes[1]} examples"
                    place = stage.key, target.key
                    rows.append(Measure("similarity", measure, *place, value, self.backbone, source))
        return rows


def _encoder_means(
    stages: Sequence[Texts], targets: Sequence[Texts], embedder: Embedder, counted: Comparison
) -> list[Measure]:
    stages, targets = ([one for one in some if one.embeddable] for some in (stages, targets))
    means: dict[Identity, Floats] = {}
    for one in (*stages, *targets):
        if one.identity not in means:
            means[one.identity] = embedder.mean(one.task, one.examples[:EMBEDDED], one.max_length)
    compare = Comparison(counted.backbone, counted.origin, EMBEDDED)
    rows = compare("encoder_mean", stages, targets, means, cosine)
    if len(means) >= FEWEST:
        centre = np.mean(list(means.values()), axis=0)
        centred = {identity: mean - centre for identity, mean in means.items()}
        rows += compare("encoder_mean_centred", stages, targets, centred, cosine)
    return rows


def _of_stage(experiment: Experiment, stage: Stage, seed: int) -> Texts:
    task = find_task(stage.task, experiment.task_folders())
    length = _length(experiment, stage.task)
    if task.kind == "retrieval":
        languages = (stage.language,) if stage.language else task.languages("test")
        return Texts(str(stage), task, "test", languages, length, seed, pivot=not stage.language)
    return Texts(str(stage), task, "train", (_trained(task, stage.language),), length, seed)


def _of_target(experiment: Experiment, name: str, seed: int) -> Texts:
    task = find_task(name, experiment.task_folders())
    length = _length(experiment, name)
    if task.kind == "retrieval":
        return Texts(name, task, "test", _evaluated(experiment, task), length, seed, pivot=True)
    language = _trained(task, experiment.targets[name].train)
    return Texts(name, task, "train", (language,), length, seed)


def _of_tests(experiment: Experiment, name: str, seed: int) -> list[Texts]:
    task = find_task(name, experiment.task_folders())
    return [
        Texts(f"{name}[{language}]", task, "test", (language,), _length(experiment, name), seed)
        for language in _evaluated(experiment, task)
    ]


def _length(experiment: Experiment, name: str) -> int:
    return experiment.training_for(name, experiment.tuning[0]).max_length


def _trained(task: Task, language: str) -> str:
    from taskorder.harness.stages.parts import train_language

    return language or train_language(task)


def _evaluated(experiment: Experiment, task: Task) -> tuple[str, ...]:
    chosen = experiment.targets[task.name].evaluate
    return task.languages("test") if chosen == "all" else chosen

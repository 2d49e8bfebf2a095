"""The stages that a model went through before its target, as text and as values.

``mnli>squad`` is two steps; ``mnli+qqp>squad`` trains on two tasks jointly and then on a third;
``mlm[sw]`` is continued pretraining in one language, ``tlm[en-sw]`` translation language modelling in a pair.
"""

import re
from contextlib import suppress
from dataclasses import dataclass

from taskorder.errors import InvalidSequence

OBJECTIVES = frozenset({"mlm", "tlm"})
"""Tasks, and kinds of tasks, that continue pretraining."""
CODE = r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?"
TASK = re.compile(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9_.])?")
LANGUAGES = re.compile(rf"{CODE}(?:-{CODE})?")
OTHER_JOINTS = re.compile(r"\s*(?:[-=–]+>|[→;,|]|\s>|>\s)\s*(?![^\[\]]*\])")
"""Marks that are meant for '>', outside of brackets."""
STAGE = re.compile(r"(?P<task>[^\[\]]*)(?:\[(?P<language>[^\[\]]*)\])?")


@dataclass(frozen=True, slots=True, order=True)
class Stage:
    """One task that a model was trained on.

    Attributes
    ----------
    task
        Key of the task: ``mnli``, ``mlm``.
    language
        Code of the training data's language, a pair such as ``en-sw``, or empty where it is not stated.
    """

    task: str
    language: str = ""

    def __str__(self) -> str:
        return f"{self.task}[{self.language}]" if self.language else self.task

    def languages(self) -> tuple[str, ...]:
        """Codes of the stage's languages: none, one, or the two of a pair."""
        return tuple(re.findall(CODE, self.language))


type Sequence = tuple[tuple[Stage, ...], ...]
"""Steps from first to last; within a step, the stages that were trained jointly."""


def parse(text: str) -> Sequence:
    """Read a sequence such as ``mnli+qqp>squad>mlm[sw]``.

    Parameters
    ----------
    text
        Steps joined by ``>``, jointly trained stages by ``+``; empty for direct fine-tuning.

    Returns
    -------
    Sequence
        Empty for an empty text. The order within a joint step is kept as it is written.

    Raises
    ------
    InvalidSequence
        If a stage is empty, a bracket is not closed, or a task or a language is no well-formed key.
    """
    if not text:
        return ()
    return tuple(tuple(_stage(stage, text) for stage in step.split("+")) for step in text.split(">"))


def render(sequence: Sequence) -> str:
    """Write a sequence as text; `parse` gives the same sequence back."""
    return ">".join("+".join(str(stage) for stage in step) for step in sequence)


def task_set(sequence: Sequence) -> str:
    """Name the steps whatever their order: ``mnli>squad`` and ``squad>mnli`` give ``mnli&squad``.

    A step that occurs twice is named twice: the result identifies a multiset. Joint training is a step of its
    own, and no order of its stages: ``mnli+squad`` stays what it is.
    """
    return "&".join(sorted("+".join(sorted(map(str, step))) for step in sequence))


def task_fault(task: str) -> str:
    """Say why a text is no key of a task; empty where it is one."""
    if TASK.fullmatch(task):
        return ""
    if not task.strip():
        return "a task is missing"
    if task != task.strip() or " " in task:
        return f"{task!r} holds a blank: write {re.sub(r'\s+', '_', task.strip()).lower()!r}"
    if task != task.lower() and TASK.fullmatch(task.lower()):
        return f"{task!r} has capital letters: write {task.lower()!r}"
    return (
        f"{task!r} is no task key: small letters, digits, '_', '-' and '.' only, a letter or digit first, and"
        " no '-' last"
    )


def _joined_otherwise(whole: str) -> str:
    """Return what a text means whose stages are joined by other marks; empty where it is no such text."""
    meant = OTHER_JOINTS.sub(">", whole)
    if meant == whole:
        return ""
    for text in (meant, meant.lower()):
        with suppress(InvalidSequence):
            parse(text)
            return text
    return ""


def _stage(text: str, whole: str) -> Stage:
    parts = STAGE.fullmatch(text)
    if not text.strip():
        fault = "a stage is empty: '>' and '+' each stand between two stages"
    elif meant := _joined_otherwise(whole):
        fault = f"stages are joined by '>' alone: write {meant!r}"
    elif parts is None:
        fault = f"the brackets of {text!r} do not match: write task[language], such as mlm[sw]"
    elif parts["language"] is None or LANGUAGES.fullmatch(parts["language"]) or task_fault(parts["task"]):
        fault = task_fault(parts["task"])
    else:
        fault = (
            f"{parts['language']!r} in {text!r} is no language: write an ISO 639 code in small letters, "
            "such as mlm[sw], or a pair, such as tlm[en-sw]"
        )
    if fault or parts is None:
        raise InvalidSequence(f"sequence {whole!r}: {fault}.")
    return Stage(parts["task"], parts["language"] or "")

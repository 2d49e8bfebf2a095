"""An experiment file (TOML), read into a frozen value; every mistake in it is named, at its place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, cast

from pydantic import Field, StringConstraints, ValidationError

from taskorder.errors import InvalidExperiment, nearest
from taskorder.harness.experiments.contradictions import Problem, contradictions
from taskorder.harness.experiments.orders import sequences_of
from taskorder.harness.experiments.settings import (
    Count,
    Keep,
    Sample,
    Scoring,
    Sequences,
    Table,
    Target,
    Training,
    Tuning,
)
from taskorder.harness.noise.perturbation import Perturbation, parse
from taskorder.results.sequences import Sequence

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Value = str | int | float | None


class Experiment(Table):
    """What is trained on what, in which orders, and what is scored.

    Attributes
    ----------
    folder : Path
        The folder of the file: paths in it are relative to this.
    name, study : str
        `study` is what the result table calls it; the name where the file does not say.
    backbones : tuple of str
        Folders, or names of models on the hub.
    seeds : tuple of int
    tuning : tuple of {"full", "lora", "prompt"}
    tasks : str
        Folder of the person's own task files.
    sequences, targets, evaluation
        Tables of the file.
    training : Training
        The hyper-parameters of `[training]`.
    overrides : mapping
        What ``[training.lora]``, ``[training.ner]`` or ``[training."a+b"]`` say, by that name.
    keep : {"leaves", "all", "none"}
        Which checkpoints stay when nothing waits for them.
    """

    folder: Path
    name: Name
    study: Name
    backbones: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)] = (0,)
    tuning: Annotated[tuple[Tuning, ...], Field(min_length=1)] = ("full",)
    tasks: str = ""
    sequences: Sequences
    targets: Annotated[dict[str, Target], Field(min_length=1)]
    training: Training = Training()
    overrides: dict[str, dict[str, Value]] = Field(default_factory=dict[str, dict[str, Value]])
    keep: Keep = "leaves"
    evaluation: Scoring = Scoring()

    def training_for(self, task: str, tuning: str) -> Training:
        """Return the hyper-parameters of a step.

        Parameters
        ----------
        task : str
            A task, a stage such as ``mlm[sw]``, or a joint step such as ``a+b``.
        tuning : str

        Returns
        -------
        Training
            `[training]`, over which goes what the table of the tuning says, then that of the task (``mlm``),
            then that of the very step (``mlm[sw]``).
        """
        values = self.training.model_dump()
        for name in dict.fromkeys((tuning, task.split("[")[0], task)):
            values |= self.overrides.get(name, {})
        return Training.model_validate(values)

    def orders(self) -> tuple[Sequence, ...]:
        """Return the sequences that come before each target; the empty one is direct fine-tuning."""
        return sequences_of(self.sequences)

    def orders_of(self, seed: int) -> tuple[Sequence, ...]:
        """Return the sequences that are trained with a seed."""
        fewer = self.sequences.seeds
        return tuple(one for one in self.orders() if seed in fewer.get(str(len(one)), self.seeds))

    def perturbations(self) -> tuple[Perturbation, ...]:
        """Return what is done to the text of evaluations, beside leaving it clean."""
        return tuple(parse(text) for text in self.evaluation.perturbations)

    def task_folders(self) -> tuple[Path, ...]:
        """Return the folders of the person's own task files: none or one."""
        return (self.folder / self.tasks,) if self.tasks else ()

    def backbone_place(self, backbone: str) -> str:
        """Return the folder of a backbone, as the file's folder or a folder above it holds it, else its name.

        Folders above count up to the root of the checkout that the file is in.
        """
        root = checkout(self.folder)
        above = (
            [] if root is None else [parent for parent in self.folder.parents if parent.is_relative_to(root)]
        )
        for folder in (self.folder, *above):
            if (folder / backbone).is_dir():
                return str(folder / backbone)
        return backbone

    def backbone_name(self, backbone: str) -> str:
        """Return what the result table calls a backbone: the last part of its path."""
        return PurePosixPath(backbone).name


def checkout(folder: Path) -> Path | None:
    """Return the root of the checkout of taskorder that a folder lies in, if it lies in one."""
    for place in (folder, *folder.parents):
        if (place / "pyproject.toml").is_file() and (place / "analysis" / "taskorder").is_dir():
            return place
    return None


def read_experiment(path: Path | str) -> Experiment:
    """Read an experiment file.

    Parameters
    ----------
    path : path
        A TOML file.

    Raises
    ------
    InvalidExperiment
        Where the file cannot be read or holds anything that is not allowed; all problems at once, each with
        its line where it has one.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        hint = nearest(path.name, [other.name for other in path.parent.glob("*.toml")])
        raise InvalidExperiment(f"{path}: there is no such experiment file.{hint}") from None
    except IsADirectoryError:
        raise InvalidExperiment(f"{path}: is a folder; name the experiment file in it.") from None
    except UnicodeDecodeError as error:
        raise InvalidExperiment(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8.") from None
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidExperiment(f"{path}: not valid TOML: {error}.") from None
    experiment, problems = parse_content(content, path.resolve().parent)
    if experiment is None or problems:
        found = sorted((_line(text, place), what) for place, what in problems)
        raise InvalidExperiment("\n".join(f"{path}{f':{line}' * (line > 0)}: {what}" for line, what in found))
    return experiment


def parse_content(content: dict[str, Any], folder: Path) -> tuple[Experiment | None, list[Problem]]:
    """Turn the content of an experiment file in `folder` into an `Experiment`, or say all that is wrong."""
    content = {"study": content.get("name")} | content
    problems = [_unknown((key,), key, _TOP) for key in content if key not in _TOP]
    content = {key: value for key, value in content.items() if key in _TOP}
    _split_training(content, problems)
    try:
        experiment = Experiment.model_validate(content | {"folder": folder})
    except ValidationError as error:
        return None, [*problems, *_explained(error, content)]
    return experiment, problems or contradictions(experiment)


_TOP = tuple(name for name in Experiment.model_fields if name not in {"folder", "overrides", "keep"})


def _split_training(content: dict[str, Any], problems: list[Problem]) -> None:
    """Part `[training]` into its own hyper-parameters, the tables of tasks and tunings, and `keep`."""
    table = content.get("training", {})
    if not isinstance(table, dict):
        return
    own = dict(cast("dict[str, Any]", table))
    tables = {name: own.pop(name) for name, value in list(own.items()) if isinstance(value, dict)}
    if "keep" in own:
        content["keep"] = own.pop("keep")
    content |= {"training": own, "overrides": tables}
    for name, override in tables.items():
        try:
            Training.model_validate(override)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place = ("training", name, *map(str, detail["loc"]))
                problems.append((place, _message(place, detail)))
    content["overrides"] = {} if problems else tables


def _explained(error: ValidationError, content: dict[str, Any]) -> list[Problem]:
    found: dict[tuple[str, ...], str] = {}
    for detail in error.errors(include_url=False):
        place = _place(detail["loc"], content)
        if place is None or place == ("study",):
            continue
        if detail["type"] == "too_short" and any(other[: len(place)] == place for other in found):
            continue
        place = ("training", "keep") if place == ("keep",) else place
        found.setdefault(place, _message(place, detail))
    return list(found.items())


def _place(location: tuple[int | str, ...], content: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the keys that lead to a mistake; None if it is one of a form that was not meant.

    Where a value may be a word, a list or a table, pydantic tells what each of the three lacks.
    """
    place: list[str] = []
    value: Any = content
    for part in map(str, location):
        form = next((of for name, of in _FORMS.items() if part.startswith(name)), None)
        if form is None:
            place.append(part)
            value = _inside(value, part)
        elif type(value) is not form and not (form is str and type(value) not in _FORMS.values()):
            return None
    return tuple(place)


_FORMS: dict[str, type] = {"literal[": str, "tuple[": list, "Sample": dict, "constrained-str": list}


def _inside(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).get(key)
    return cast("list[Any]", value)[int(key)] if isinstance(value, list) and key.isdigit() else None


_PATTERNS = {
    "^[A-Za-z0-9]": "write letters, digits, '_', '-' and '.' only, a letter or a digit first",
    "^[a-z]": "write an ISO 639 code in small letters, such as 'sw'",
}


def _message(place: tuple[str, ...], detail: Any) -> str:
    value, message, hint = detail["input"], detail["msg"], ""
    listed = place[-1].isdigit() and len(place) > 1
    keys = list(place[:-1] if listed else place)
    key, where = keys[-1], f"[{'.'.join(keys[:-1])}] " if len(keys) > 1 else ""
    if detail["type"] == "extra_forbidden":
        return _unknown(place, key, _fields(place))[1]
    if detail["type"] == "missing":
        return f"{where}{key!r} is missing."
    if detail["type"] == "literal_error":
        hint = nearest(str(value), re.findall(r"'([^']+)'", detail["ctx"]["expected"]))
    if detail["type"] == "string_pattern_mismatch":
        pattern = detail["ctx"]["pattern"]
        message = next(text for start, text in _PATTERNS.items() if pattern.startswith(start))
    return f"{where}{key}{':' if listed else ' ='} {value!r}: {message[0].lower()}{message[1:]}.{hint}"


def _unknown(place: tuple[str, ...], key: str, allowed: tuple[str, ...]) -> Problem:
    where = f"[{'.'.join(place[:-1])}] " if len(place) > 1 else ""
    return place, f"{where}unknown key {key!r}; allowed: {', '.join(allowed)}.{nearest(key, allowed)}"


def _fields(place: tuple[str, ...]) -> tuple[str, ...]:
    if place[:2] == ("sequences", "orders"):
        return tuple(Sample.model_fields)
    if place[0] == "training":
        return (*Training.model_fields, *(("keep",) if len(place) == 2 else ()))
    tables = {"sequences": Sequences, "targets": Target, "evaluation": Scoring}
    return tuple(tables[place[0]].model_fields)


def _line(text: str, place: tuple[str, ...]) -> int:
    """Return the line of the last key on the way to a place in a TOML file that is written, or 0."""
    header: tuple[str, ...] = ()
    found = best = 0
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            header = tuple(re.findall(r"[A-Za-z0-9_-]+|(?<=\")[^\"]+(?=\")", match[1]))
            keys = header
        elif match := re.match(r"\s*([A-Za-z0-9_-]+|\"[^\"]+\"|'[^']+')\s*(?:\.[^=]*)?=", line):
            keys = (*header, match[1].strip("\"'"))
        else:
            continue
        if keys == place[: len(keys)] and len(keys) > best:
            found, best = number, len(keys)
    return found

"""What can go wrong in a way that the person can mend.

::

    TaskorderError              explained in one paragraph; exit status 1
    ├── InvalidTable            a result table or a covariate table has problems, each at its place
    ├── InvalidSequence         a sequence of stages cannot be read
    ├── InvalidModel            a model file has problems
    ├── InvalidTask             a task file, or the data of a task, has problems
    ├── InvalidExperiment       an experiment file has problems
    ├── InvalidArchive          an archive is damaged, changed or no archive
    ├── FitFailed               a fit gave nothing that could be reported
    └── MissingData             something that the work needs is not there
"""

import difflib
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_TRAINING = frozenset({"accelerate", "datasets", "peft", "safetensors", "torch", "transformers"})
"""The libraries of the extra `train`."""


class TaskorderError(Exception):
    """A failure whose message says what is wrong, where, and what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message alone."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one table.

    Attributes
    ----------
    file
        The file, as the person named it.
    row
        Line of the file as an editor numbers it (in Parquet the number of the row, from 1); None where the
        problem is the whole file's.
    column
        Name of the column; empty where the problem is no single column's.
    message
        What is wrong, and what to do.
    """

    file: str
    row: int | None
    column: str
    message: str

    def __str__(self) -> str:
        place = [
            self.file,
            *([str(self.row)] if self.row is not None else []),
            *([self.column] if self.column else []),
        ]
        return ":".join(place) + f": {self.message}"


class _Listed[T](TaskorderError):
    """A failure that lists its problems, one a line; it goes whole from one process to another."""

    def __init__(self, problems: Iterable[T]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class InvalidTable(_Listed[Problem]):
    """Tables that do not hold what they must; `problems` lists all that is wrong in all of them."""


class InvalidSequence(TaskorderError):
    """A text that is no sequence of stages."""


class InvalidModel(_Listed[str]):
    """A model file that cannot be used; `problems` lists all that is wrong in it."""


class InvalidTask(TaskorderError):
    """A task file that cannot be read, or data that are not what it says."""


class InvalidExperiment(TaskorderError):
    """An experiment file that cannot be read, or asks for what is not there."""


class InvalidArchive(_Listed[str]):
    """An archive that is not what its record says, or may not be unpacked; `problems` lists why."""


class FitFailed(TaskorderError):
    """A fit that ended without a posterior that may be reported."""


class MissingData(TaskorderError):
    """Rows, covariates or files that the work needs and that are not there."""


@contextmanager
def training_libraries() -> Generator[None]:
    """Say how the libraries that train are installed where one of them is not.

    Raises
    ------
    MissingData
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _TRAINING:
            raise
        raise MissingData(
            f"experiments need {library}, which is not installed: make install-train in a checkout, else pip"
            " install 'taskorder[train]'"
        ) from None


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Suggest the allowed word that was probably meant.

    Parameters
    ----------
    word
        What was written.
    allowed
        What could have been written.

    Returns
    -------
    str
        ``" Did you mean 'x'?"``, ready to follow a sentence, or an empty text where nothing is near.
    """
    close = closest(word, allowed)
    return f" Did you mean {close!r}?" if close else ""


def closest(word: str, allowed: Iterable[str], alike: float = 0.6) -> str:
    """Return the allowed word that is most like one; empty where none is so much `alike` (0 to 1)."""
    choices = {choice.casefold(): choice for choice in allowed}
    close = difflib.get_close_matches(word.strip().casefold(), choices, n=1, cutoff=alike)
    return choices[close[0]] if close else ""


def first_of(words: Sequence[str], most: int = 8) -> str:
    """Name the first few of many: ``"a, b and 3 more"``."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more

"""What is compared: data sets, and who fits them."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from measuring import run

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
PYTHON = sys.executable
TASKORDER = str(Path(sys.executable).with_name("taskorder"))
SEED = "1"


@dataclass(frozen=True)
class Contender:
    """One way to fit a data set.

    Attributes
    ----------
    engine : str
        As tables print it.
    command : tuple of str
        With `{data}` and `{out}` for the folders, and `{bambi}` for a Python that has bambi.
    needs : tuple of str
        Packages of R, or `bambi`.
    """

    engine: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The engine in one word, to be chosen by."""
        return self.engine.lower().replace(", ", "-").replace(" ", "-").replace("(", "").replace(")", "")


@dataclass(frozen=True)
class Case:
    """A data set and its contenders.

    Attributes
    ----------
    name : str
        In results.csv.
    rows, levels : int
        Of the data; levels of all groups together.
    data : tuple of str
        The command that writes the data, with `{data}` for the folder.
    contenders : tuple of Contender
    """

    name: str
    rows: int
    levels: int
    data: tuple[str, ...]
    contenders: tuple[Contender, ...]


def taskorder(engine: str, *, draws: int = 4000, own: bool = False, label: str = "") -> Contender:
    """Return the command that a person would type; `own` adds the covariates of the data folder."""
    covariates = ("--tasks", "{data}/tasks.csv", "--similarity", "{data}/similarity.csv") if own else ()
    command = (
        *(TASKORDER, "fit", "--model", "{data}/model.toml", "--results", "{data}/results.csv", *covariates),
        *("--engine", engine, "--seed", SEED, "--draws", str(draws), "-o", "{out}", "--force"),
    )
    return Contender(f"taskorder, {engine}{label}", command)


def _script(engine: str, name: str, *arguments: str, needs: tuple[str, ...] = ()) -> Contender:
    interpreter = "Rscript" if name.endswith(".R") else "{bambi}" if "bambi" in needs else PYTHON
    command = (interpreter, str(HERE / "contenders" / name), "{data}", "{out}", *arguments)
    return Contender(engine, command, needs)


def sequences(seeds: int = 1, *, pairs: bool = False) -> Case:
    """Simulated sequences of tasks: 10,800 rows a seed."""
    data = (
        PYTHON,
        str(HERE / "sequences.py"),
        "{data}",
        "--seeds",
        str(seeds),
        *(["--pairs"] if pairs else []),
    )
    contenders = (
        taskorder("collapsed", own=True),
        taskorder("nuts", own=True),
        taskorder("nuts", own=True, draws=20_000, label=", long"),
        _script("PyMC, nutpie", "pymc_sequences.py"),
        _script("PyMC, its own NUTS", "pymc_sequences.py", "--sampler", "pymc"),
    )
    levels = 9 + 2 + 6 + 15 + 60 + (54 if pairs else 0)
    return Case("sequences with pairs" if pairs else "sequences", 10_800 * seeds, levels, data, contenders)


def crossed() -> Case:
    """A small full crossing, which most software can fit."""
    data = (PYTHON, str(HERE / "crossed.py"), "{data}", "full")
    contenders = (
        taskorder("collapsed"),
        taskorder("nuts"),
        _script("PyMC, nutpie", "pymc_crossed.py"),
        _script("PyMC, its own NUTS", "pymc_crossed.py", "--sampler", "pymc"),
        _script("bambi", "bambi_crossed.py", needs=("bambi",)),
        _script("brms", "brms.R", "crossed", needs=("brms",)),
        _script("lme4, lmer (REML)", "lmer.R", needs=("lme4",)),
        _script("statsmodels, MixedLM (REML)", "mixedlm.py"),
    )
    return Case("crossed", 2_000, 40, data, contenders)


def random(name: str, rows: int, levels: tuple[int, int], contenders: Sequence[Contender]) -> Case:
    """Two factors crossed at random."""
    counts = tuple(str(count) for count in levels)
    data = (PYTHON, str(HERE / "crossed.py"), "{data}", "random", "--rows", str(rows), "--levels", *counts)
    return Case(name, rows, sum(levels), data, tuple(contenders))


def thousands() -> Case:
    """3,000 by 1,000 levels in 75,000 rows."""
    contenders = (
        taskorder("collapsed"),
        taskorder("collapsed", draws=1_000, label=", 1000 draws"),
        _script("lme4, lmer (REML)", "lmer.R", needs=("lme4",)),
        _script("PyMC, nutpie", "pymc_crossed.py"),
        _script("brms", "brms.R", "crossed", needs=("brms",)),
    )
    return random("thousands", 75_000, (3_000, 1_000), contenders)


def meta() -> Case:
    """Thirteen trials with known variances."""
    contenders = (
        taskorder("collapsed"),
        taskorder("nuts"),
        _script("brms", "brms.R", "bcg", needs=("brms",)),
        _script("bayesmeta", "meta.R", "bayesmeta", needs=("bayesmeta",)),
        _script("metafor (REML)", "meta.R", "metafor", needs=("metafor",)),
    )
    return Case("meta", 13, 13, (PYTHON, str(HERE / "crossed.py"), "{data}", "bcg"), contenders)


def scaling() -> Iterator[Case]:
    """Yield crossed designs of more and more rows, then of more and more levels."""
    for rows in (1_000, 10_000, 100_000, 1_000_000):
        yield random("scaling", rows, (30, 10), _scalable(few=rows <= 10_000))
    for levels in (20, 100, 400, 2_000):
        small = levels // 4
        yield random("scaling", 100_000, (levels - small, small), _scalable(few=levels <= 100))


def _scalable(*, few: bool) -> tuple[Contender, ...]:
    return (taskorder("collapsed"), taskorder("nuts")) if few else (taskorder("collapsed"),)


@cache
def has_r(package: str) -> bool:
    """Say whether R and a package of it are installed."""
    if shutil.which("Rscript") is None:
        return False
    question = f'quit(status = !requireNamespace("{package}", quietly = TRUE))'
    return subprocess.run(["Rscript", "-e", question], capture_output=True, check=False).returncode == 0


def absent(contender: Contender, bambi: str) -> str:
    """Say what a contender lacks here; empty where it can run."""
    if "bambi" in contender.needs:
        return "" if bambi else "left out: bambi could not be installed"
    missing = [name for name in contender.needs if not has_r(name)]
    return f"left out: R has no {' or '.join(missing)} here" if missing else ""


@contextmanager
def bambi_python(given: str, *, wanted: bool) -> Iterator[str]:
    """Give a Python that has bambi, in a virtual environment of its own; empty where that cannot be had.

    Parameters
    ----------
    given : str
        A Python that has it already.
    wanted : bool
        Whether any contender needs it.
    """
    if given or not wanted:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/bin/python"
        limits = ("--constraint", CHECKOUT / "requirements.lock", "bambi", "nutpie")
        uv = shutil.which("uv") or shutil.which("uv", path=CHECKOUT / ".venv-tools" / "bin")
        try:
            if uv:
                run([uv, "venv", "--quiet", "--python", PYTHON, folder])
                run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *limits])
            else:
                run([PYTHON, "-m", "venv", folder])
                run([python, "-m", "pip", "install", "--quiet", *limits])
        except (subprocess.CalledProcessError, OSError):
            yield ""
            return
        yield python

"""Every command of README.md, run on the files that README.md shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from taskorder.inference.spec import read_model

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)
NUMBER = re.compile(r"\s*-?\d[\d.,e-]*")


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def shown_commands() -> list[tuple[str, str]]:
    """Each command of a console block with the output that is shown below it."""
    pieces = [
        piece for text in blocks("console") for piece in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    ]
    return [(command, output) for command, _, output in (piece.partition("\n") for piece in pieces)]


def without_numbers(text: str) -> list[str]:
    """The words of each line: what a fit estimates differs a little from machine to machine."""
    return [" ".join(NUMBER.sub(" #", line).split()) for line in text.splitlines()]


def estimates(text: str) -> dict[str, tuple[float, float]]:
    """The mean and sd of each parameter of a printed summary."""
    rows = [line.split() for line in text.splitlines()[1:] if not line.startswith(("4,000 draws", "written"))]
    return {row[0]: (float(row[1]), float(row[2])) for row in rows}


def assert_estimates_agree(output: str, shown: str) -> None:
    """Two samplings of one posterior: means within a quarter of an sd, far beyond Monte Carlo error."""
    fresh = estimates(output)
    for name, (mean, sd) in estimates(shown).items():
        assert abs(fresh[name][0] - mean) < 0.25 * sd, name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like the checkout, with the files that README.md tells the reader to save."""
    for language, name in {"csv": "mine.csv", "toml": "mine.toml"}.items():
        (text,) = blocks(language)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("data", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_the_commands_print_what_is_shown(folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = shown_commands()
    assert {command.split()[0] for command, _ in commands} == {"taskorder", "sed"}
    for command, shown in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout or done.stderr
        if command.startswith("taskorder fit"):
            assert done.returncode == 0, done.stderr
            assert_estimates_agree(output, shown)
            output, shown = "\n".join(without_numbers(output)), "\n".join(without_numbers(shown))
        assert output == shown, command


def test_the_python_example_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert str(names["table"]) == "220 rows, 220 runs, 2 studies"


@pytest.mark.parametrize("command", [line for text in blocks("sh") for line in text.splitlines()])
def test_the_commands_exist(command: str) -> None:
    program, name, *_ = command.split()
    assert program in {"make", "taskorder"}
    asked = ["make", "-n", name] if program == "make" else [sys.executable, "-m", "taskorder", name, "--help"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_example_of_the_model_file_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "model-file.md").read_text("utf-8")
    examples = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (whole,) = [example for example in examples if example.startswith("name = ")]
    path = tmp_path / "eight.toml"
    path.write_text(whole, encoding="utf-8")
    assert read_model(path).name == "eight_schools"


def test_every_file_that_it_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text("utf-8"))
    absent = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert absent == []

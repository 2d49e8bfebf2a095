"""The notebooks run from start to end, and are committed with what they show."""

import re
import runpy
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TRAINS = "4_run_an_experiment"


def printed(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_prints_what_is_committed(path: Path) -> None:
    """What is printed are counts and messages, which no sampler changes; without torch nothing is trained."""
    execute = runpy.run_path(str(FOLDER / "execute.py"))["execute"]
    found = printed(execute(path))
    if path.stem == TRAINS and find_spec("torch") is None:
        assert found.startswith("torch is not installed")
    else:
        assert found == printed(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_executed_without_traces_of_when(path: Path) -> None:
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all("execution" not in cell.metadata for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_a_text_with_small_pictures(path: Path) -> None:
    """A cell of text for every two of code, what to see in figures, and no more than fits a repository."""
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert 2 * len(texts) >= sum(cell.cell_type == "code" for cell in cells)
    assert any("*What to see:*" in text for text in texts)
    assert path.stat().st_size < 400_000


def test_what_a_notebook_shows_holds_no_path_of_a_machine() -> None:
    for path in NOTEBOOKS:
        assert "/tmp/" not in path.read_text("utf-8"), path.name
        assert str(Path.home()) not in path.read_text("utf-8"), path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_file_that_it_points_to_is_there(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (FOLDER / link).exists()] == []

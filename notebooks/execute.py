"""Execute the notebooks of this folder in place, without the traces of when that was."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
LONGEST = 600
"""Seconds that a cell may take."""


def execute(path: Path) -> nbformat.NotebookNode:
    """Return the executed notebook; CellExecutionError, which shows the traceback, if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=LONGEST, resources=resources, record_timing=False).execute()
    notebook.metadata.pop("language_info", None)
    return notebook


def main() -> None:
    """Execute every notebook."""
    for path in sorted(HERE.glob("*.ipynb")):
        print(f"executing {path.name}", file=sys.stderr)
        nbformat.write(execute(path), path)


if __name__ == "__main__":
    main()

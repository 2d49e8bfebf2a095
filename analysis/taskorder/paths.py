"""Where the files that ship with taskorder are: in a checkout, or inside the installed package."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Path of a shipped file or folder, such as ``data/published``; FileNotFoundError where it is absent."""
    checkout = next((folder for folder in PACKAGE.parents if (folder / "pyproject.toml").is_file()), None)
    for root in (PACKAGE / "_resources", checkout):
        if root is not None and (root / name).exists():
            return root / name
    raise FileNotFoundError(
        f"{name} is in neither the installed package nor the checkout: install taskorder again."
    )

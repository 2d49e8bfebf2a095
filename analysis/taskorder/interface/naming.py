"""Models by their file, or by the name of one that ships."""

from __future__ import annotations

from pathlib import Path

from taskorder.errors import InvalidModel, nearest
from taskorder.paths import resource


def named_model(model: str | Path) -> Path:
    """Return the file of a model.

    Parameters
    ----------
    model : str or Path
        A file, whose name has an ending, or the name of a model that ships.

    Raises
    ------
    InvalidModel
        If none of that name ships.
    """
    if Path(model).suffix:
        return Path(model)
    shipped = {path.stem: path for path in resource("models").glob("*.toml")}
    if str(model) not in shipped:
        known = ", ".join(sorted(shipped))
        raise InvalidModel(
            [
                f"no model {str(model)!r} ships: name a file that ends in .toml, or one of {known}."
                f"{nearest(str(model), shipped)}"
            ]
        )
    return shipped[str(model)]

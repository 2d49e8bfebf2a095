"""Data sets of the Hugging Face hub, or folders in one of its formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taskorder.errors import InvalidTask, MissingData, nearest
from taskorder.harness.tasks.file import HubSource
from taskorder.harness.tasks.readers.rows import Row


def hub(source: HubSource, folder: Path) -> Iterator[Row]:
    """Yield the rows of one split; numbers that stand for labels become the labels' names.

    Parameters
    ----------
    source : HubSource
    folder : Path
        Where a data set ``./name`` is.

    Raises
    ------
    MissingData
        If the library is not installed, or neither the hub nor its cache on this machine has the data.
    InvalidTask
        If the data set has no such configuration or split. Code that comes with a data set is never run.
    """
    rows = _loaded(source, folder)
    names = {column: _label_names(feature) for column, feature in rows.features.items()}
    named = {column: labels for column, labels in names.items() if labels is not None}
    place = f"{source.dataset}{f' ({source.config})' if source.config else ''}, {source.split}"
    for number, values in enumerate(rows):
        yield Row(
            f"{place}: row {number}",
            values | {column: _as_names(values[column], labels) for column, labels in named.items()},
        )


def _loaded(source: HubSource, folder: Path) -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingData(
            f"{_called(source)} is read with the library datasets: pip install 'taskorder[train]'"
        ) from None
    path = str(folder / source.dataset) if source.dataset.startswith("./") else source.dataset
    options: dict[str, Any] = {"name": source.config, "data_dir": source.folder, "revision": source.revision}
    try:
        found = datasets.load_dataset(path, **{key: value for key, value in options.items() if value})
    except Exception as error:
        # Whatever the hub's client raises, from its network layer to its parsers, means one thing here.
        reason = (
            str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        )
        raise MissingData(
            f"{_called(source)} could not be loaded: {reason}. Without a network: copy the cache (HF_HOME)"
            " of a machine that has loaded it, or put the data set's files into a folder of TASKORDER_DATA"
        ) from None
    splits = [str(split) for split in found]
    if source.split not in splits:
        raise InvalidTask(
            f"{_called(source)} has no split {source.split!r}; it has {', '.join(splits)}."
            + nearest(source.split, splits)
        )
    return found[source.split]


def _called(source: HubSource) -> str:
    config = f", configuration {source.config!r}," if source.config else ""
    return f"the Hugging Face data set {source.dataset!r}{config}"


def _label_names(feature: Any) -> list[str] | None:
    inner = getattr(feature, "feature", feature)
    return getattr(inner, "names", None)


def _as_names(value: Any, names: list[str]) -> Any:
    if isinstance(value, list):
        return [_as_names(one, names) for one in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value

"""Meta-analysis of transfer-learning results, above all of the order of intermediate training tasks."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskorder.results.checking import check
    from taskorder.results.reading import read

__all__ = ["__version__", "check", "read"]
__version__ = version("taskorder")

_HOMES = {"check": "taskorder.results.checking", "read": "taskorder.results.reading"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'taskorder' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

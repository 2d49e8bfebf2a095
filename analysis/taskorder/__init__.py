"""Meta-analysis of transfer-learning results, above all of the order of intermediate training tasks."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskorder.errors import TaskorderError
    from taskorder.interface.choosing import design, select
    from taskorder.interface.claims import judge, registry
    from taskorder.interface.experiments import export, measure, plan, run
    from taskorder.interface.growing import refit, undo
    from taskorder.interface.models import calibrate, fit, load, models, read_model
    from taskorder.interface.posterior import Fit
    from taskorder.interface.reports import rebuild, report
    from taskorder.interface.tables import check, import_results
    from taskorder.results.catalogue import covariates, published
    from taskorder.results.reading import ResultTable, read

    __version__: str

__all__ = [
    "Fit",
    "ResultTable",
    "TaskorderError",
    "__version__",
    "calibrate",
    "check",
    "covariates",
    "design",
    "export",
    "fit",
    "import_results",
    "judge",
    "load",
    "measure",
    "models",
    "plan",
    "published",
    "read",
    "read_model",
    "rebuild",
    "refit",
    "registry",
    "report",
    "run",
    "select",
    "undo",
]

_HOMES = {
    "taskorder.errors": ("TaskorderError",),
    "taskorder.interface.choosing": ("design", "select"),
    "taskorder.interface.claims": ("judge", "registry"),
    "taskorder.interface.experiments": ("export", "measure", "plan", "run"),
    "taskorder.interface.growing": ("refit", "undo"),
    "taskorder.interface.models": ("calibrate", "fit", "load", "models", "read_model"),
    "taskorder.interface.posterior": ("Fit",),
    "taskorder.interface.reports": ("rebuild", "report"),
    "taskorder.interface.tables": ("check", "import_results"),
    "taskorder.results.catalogue": ("covariates", "published"),
    "taskorder.results.reading": ("ResultTable", "read"),
}
"""Where each name is defined: a module is imported when one of its names is asked for."""


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("taskorder")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'taskorder' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

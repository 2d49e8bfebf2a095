"""Which estimands runs can be chosen for, and those that are functions of theta as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from taskorder.errors import MissingData, nearest
from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.estimands import estimands
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import EstimandSpec, ModelSpec

Floats = NDArray[np.float64]

LINEAR = ("points", "contrast")
"""Functions of estimands that are linear in the coefficients, given theta."""
OF_ORDERS = ("curriculum", "order_sd", "order_ratio", "best_order")
OF_THETA = ("recency", "ratio", "sd_points", *OF_ORDERS)
"""Functions of estimands that are functions of theta; those of orders, of the slopes of moderators, too."""
SIGNED = ("recency", "curriculum")
"""Those that may be below zero."""
SIMULATED = 50
"""Draws for which the best order is simulated."""


def able(spec: ModelSpec) -> list[str]:
    """Return the estimands of a model that runs can be chosen for."""
    return [name for name, estimand in spec.estimands.items() if estimand.function in (*LINEAR, *OF_THETA)]


def estimand_of(spec: ModelSpec, name: str) -> str:
    """Return the estimand of that name, or the first that runs can be chosen for where it is empty.

    Raises
    ------
    MissingData
        If the model has none of that name, or its interval cannot be told beforehand.
    """
    possible = able(spec)
    if not possible:
        raise MissingData(
            f"model {spec.name!r} has no estimand that runs can be chosen for; add one to [estimands], of the"
            f" function {', '.join((*LINEAR, *OF_THETA))}"
        )
    if not name:
        return possible[0]
    if name in possible:
        return name
    known = spec.estimands.get(name)
    fault = (
        f"is of the function {known.function}, whose interval cannot be told beforehand"
        if known
        else "is no estimand of it"
    )
    raise MissingData(
        f"model {spec.name!r}: {name!r} {fault}; runs can be chosen for {', '.join(possible)}."
        f"{nearest(name, possible)}"
    )


@dataclass(frozen=True)
class Value:
    """An estimand as a function of the parameters that `parameters_of` lists, and of slopes after them.

    `spec` has this estimand alone; what it comes to is taken several `times`.
    """

    design: Design
    spec: ModelSpec
    slopes: tuple[str, ...]
    times: float = 1.0

    def __call__(self, x: Floats) -> Floats:
        """Return the estimand of parameters and slopes (D + M, ...)."""
        (name,) = self.spec.estimands
        found = estimands(xr.Dataset(self._named(x)), self.design, self.spec)
        if name not in found:
            raise MissingData(
                f"model {self.spec.name!r}: these rows have nothing that {name!r} could be told from"
            )
        return self.times * found[name].to_numpy()

    def _named(self, x: Floats) -> dict[str, xr.DataArray]:
        """Name parameters and slopes (D + M, ...) as a posterior does."""
        dims = [f"dim_{i}" for i in range(x.ndim - 1)]
        sds = sd_names(self.design.blocks)
        first = int(len(self.design.effects) > 1)
        found = {"recency": x[0]} if first else {}
        found |= {name: np.exp(x[first + i]) for i, name in enumerate(sds)}
        after = len(x) - len(self.slopes)
        if first + len(sds) < after:
            found["residual"] = np.exp(x[after - 1])
        found |= {name: x[after + i] for i, name in enumerate(self.slopes)}
        return {name: xr.DataArray(values, dims=dims) for name, values in found.items()}


def value_of(design: Design, spec: ModelSpec, name: str, slopes: Sequence[str], draws: Floats) -> Value:
    """Return an estimand as a function of parameters and slopes, of which there are draws (D + M, S).

    `best_order` is simulated for every draw, which takes long: it is taken for `order_sd` times what it is of
    that in a few draws, on average.
    """
    estimand = spec.estimands[name]

    def alone(found: EstimandSpec) -> Value:
        return Value(design, spec.model_copy(update={"estimands": {name: found}}), tuple(slopes))

    if estimand.function != "best_order":
        return alone(estimand)
    exact, sd = alone(estimand), alone(estimand.model_copy(update={"function": "order_sd"}))
    few = draws[:, :SIMULATED]
    return replace(sd, times=float(np.mean(exact(few) / sd(few))))

"""Networks of known treatment effects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

Designs = Mapping[Sequence[str], tuple[int, Mapping[str, float]]]
Make = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def nothing() -> Covariates:
    return Covariates(
        pd.DataFrame(columns=["task", "kind"]),
        pd.DataFrame(columns=["task", "target", "measure", "similarity"]),
        pd.DataFrame(columns=["language"]),
    )


@pytest.fixture(scope="session")
def model() -> Callable[..., ModelSpec]:
    """Return what makes an arm-based network model: an effect of every arm gives contrasts their spread."""

    def made(**changes: Any) -> ModelSpec:
        flat, wide = {"dist": "Flat"}, {"dist": "HalfNormal", "sigma": 1.0}
        content: dict[str, Any] = {
            "name": "network",
            "data": {"schema": "any"},
            "outcome": {"column": "yi", "variance": "vi", "scale": "identity"},
            "fixed": {"terms": ["1", "study", "treatment"]},
            "groups": {"arm": {"columns": ["study", "treatment"]}},
            "residual": {"sd": 0},
            "priors": {"1": flat, "study": flat, "treatment": flat, "sd:arm": wide},
            "networks": {"treatment": {"trial": ["study"]}},
        }
        return parse_model(content | changes)

    return made


@pytest.fixture(scope="session")
def trials() -> Make:
    """Return what makes trials: for every design, how many, and the mean of each of its arms."""

    def made(designs: Designs, *, spread: float = 0.1, error: float = 0.1, seed: int = 1) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows: list[dict[str, object]] = []
        for treatments, (count, effects) in designs.items():
            for _ in range(count):
                study, level = f"s{len(rows):03d}", float(rng.normal())
                for name in treatments:
                    y = level + effects[name] + rng.normal() * np.hypot(spread, error)
                    rows.append({"study": study, "treatment": name, "yi": y, "vi": error**2})
        return pd.DataFrame(rows)

    return made

"""Cluster-robust errors where they are known by another name, and what they refuse."""

from typing import Any

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS, WLS

from taskorder.errors import MissingData
from taskorder.inference.frequentist.covariance import Blocks, diagonal
from taskorder.inference.frequentist.robust import Robust, cluster_robust


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(24), rng.normal(size=24)])
    return x @ [1.0, 2.0] + rng.normal(size=24) * (1 + np.abs(x[:, 1])), x


def robust(y: np.ndarray, x: np.ndarray, clusters: np.ndarray, correction: Any, v: Any = 1.0) -> Robust:
    terms = [f"x{i}" for i in range(x.shape[1])]
    return cluster_robust(y, x, diagonal(np.full(len(y), v)), clusters, terms, correction=correction)


@pytest.mark.parametrize(("correction", "other"), [("CR0", "HC0"), ("CR2", "HC2"), ("CR3", "HC3")])
def test_clusters_of_one_row(data: tuple[np.ndarray, np.ndarray], correction: str, other: str) -> None:
    y, x = data
    found = robust(y, x, np.arange(24), correction)
    np.testing.assert_allclose(found.coefficients["se"], OLS(y, x).fit(cov_type=other).bse)


def test_the_uncorrected_errors_are_those_of_statsmodels(data: tuple[np.ndarray, np.ndarray]) -> None:
    y, x = data
    clusters = np.arange(24) % 6
    weights = np.linspace(1, 2, 24)
    theirs = WLS(y, x, weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )
    found = robust(y, x, clusters, "CR0", 1 / weights)
    np.testing.assert_allclose(found.coefficients["se"], theirs.bse)
    assert found.clusters == 6


def test_the_scale_of_the_working_covariance_does_not_matter(data: tuple[np.ndarray, np.ndarray]) -> None:
    y, x = data
    one, other = (robust(y, x, np.arange(24) % 6, "CR2", v) for v in (1.0, 50.0))
    np.testing.assert_allclose(one.coefficients[["se", "df"]], other.coefficients[["se", "df"]])


def test_two_equal_groups_have_the_degrees_of_freedom_of_a_t_test() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(16), np.repeat([0.0, 1.0], 8)])
    found = robust(rng.normal(size=16), x, np.arange(16), "CR2")
    assert found.coefficients["df"][1] == pytest.approx(14)


def test_an_unbalanced_group_has_those_of_its_smaller_part() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(100), (np.arange(100) < 3).astype(float)])
    found = robust(rng.normal(size=100), x, np.arange(100), "CR2")
    assert found.coefficients["df"][1] == pytest.approx(2, rel=0.1)


def test_a_term_of_one_cluster_alone_has_no_degrees_of_freedom(data: tuple[np.ndarray, np.ndarray]) -> None:
    y, _ = data
    clusters = np.arange(24) % 6
    x = np.column_stack([clusters == i for i in range(6)]).astype(float)
    found = robust(y, x, clusters, "CR2")
    assert np.isnan(found.coefficients["df"]).all()
    assert np.isnan(found.coefficients["p"]).all()


def test_correlated_rows_must_share_a_cluster() -> None:
    blocks = Blocks((np.array([0, 1]), np.array([2, 3])), (np.eye(2) + 0.5, np.eye(2) + 0.5))
    y, x = np.arange(4.0), np.ones((4, 1))
    with pytest.raises(ValueError, match=r"rows \[0, 1\] .* 2 clusters"):
        cluster_robust(y, x, blocks, np.array([0, 1, 2, 2]), ["1"])
    assert cluster_robust(y, x, blocks, np.array([5, 5, 2, 2]), ["1"]).clusters == 2


def test_one_cluster_says_nothing() -> None:
    with pytest.raises(MissingData, match="1 clusters are too few"):
        robust(np.arange(4.0), np.ones((4, 1)), np.zeros(4, dtype=int), "CR2")

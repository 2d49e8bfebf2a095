"""A fitted proposal is a density, its draws have it, and chains of weighed draws have the target."""

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import digamma, polygamma

from taskorder.inference.diagnostics import MAX_PARETO_K
from taskorder.inference.engines.importance import (
    KNOTS,
    WIDE_SHARE,
    Proposal,
    fitted,
    metropolis,
    moments,
    weights,
    whitened,
)

Floats = NDArray[np.float64]

SHAPE = 1.5
AXES = np.array([[0.7, 0.3], [-0.2, 1.4]])
CENTRE = np.array([0.5, -1.0])


def log_gamma(u: Floats) -> Floats:
    """Return the density of the log of a Gamma(SHAPE, 1) variable: skewed, like a log sd."""
    return SHAPE * u[0] - np.exp(u[0])


def curved(u: Floats) -> Floats:
    """Return a density of two dimensions that is no normal one."""
    return -0.5 * u[0] ** 2 - 0.5 * (u[1] - 0.3 * u[0] ** 2) ** 2 + 0.5 * u[1] - 0.1 * np.exp(u[1])


@pytest.fixture
def skewed() -> Proposal:
    return fitted(log_gamma, np.log([SHAPE]), np.array([[1 / np.sqrt(SHAPE)]]))


def grid(proposal: Proposal, reach: float, step: float) -> tuple[Floats, Floats, float]:
    """Return points about the centre along the axes, as z and u, and the volume of each."""
    size = len(proposal.centre)
    along = np.arange(-reach, reach, step) + step / 2
    z = np.array(np.meshgrid(*[along] * size, indexing="ij")).reshape(size, -1)
    volume = step**size * abs(np.linalg.det(proposal.axes))
    return z, proposal.centre[:, None] + proposal.axes @ z, volume


def test_a_proposal_of_one_dimension_integrates_to_one(skewed: Proposal) -> None:
    _, u, volume = grid(skewed, 200.0, 0.005)
    assert np.exp(skewed.log_density(u)).sum() * volume == pytest.approx(1.0, abs=1e-5)


def test_a_proposal_of_two_dimensions_integrates_to_one() -> None:
    proposal = fitted(curved, CENTRE, AXES)
    _, u, volume = grid(proposal, 45.0, 0.0625)
    assert np.exp(proposal.log_density(u)).sum() * volume == pytest.approx(1.0, abs=5e-4)


def test_draws_of_one_dimension_have_its_density(skewed: Proposal) -> None:
    _, u, volume = grid(skewed, 200.0, 0.005)
    cumulated = np.cumsum(np.exp(skewed.log_density(u))) * volume
    drawn = skewed.draw(50_000, np.random.default_rng(1))[0]
    found = stats.kstest(drawn, partial(np.interp, xp=u[0], fp=cumulated))
    assert found.pvalue > 1e-3


def test_draws_of_two_dimensions_have_its_density() -> None:
    proposal = fitted(curved, CENTRE, AXES)
    z, u, volume = grid(proposal, 10.0, 0.05)
    edges = np.array([-10.0, -3.0, -2.0, -1.25, -0.75, -0.25, 0.25, 0.75, 1.25, 2.0, 3.0, 10.0])
    bins = (edges, edges)
    share, _, _ = np.histogram2d(*z, bins=bins, weights=np.exp(proposal.log_density(u)) * volume)
    drawn = proposal.draw(50_000, np.random.default_rng(2))
    drawn = np.linalg.solve(proposal.axes, drawn - CENTRE[:, None])
    count, _, _ = np.histogram2d(*drawn, bins=bins)
    seen = share.ravel() * count.sum() / share.sum() > 5
    expected = share.ravel()[seen] * 50_000
    statistic = np.sum((count.ravel()[seen] - expected) ** 2 / expected)
    assert seen.sum() > 80
    assert 1e-3 < stats.chi2(seen.sum()).sf(statistic) < 0.999


def test_the_proposal_follows_its_target(skewed: Proposal) -> None:
    """The logs differ little about the mode; farther out the share of wide draws is above the target."""
    u = skewed.centre + skewed.axes @ np.linspace(-3.0, 2.5, 60)[None]
    gap = skewed.log_density(u) - log_gamma(u)
    assert np.ptp(gap[:45]) < 0.25
    assert (gap > gap[30] - 0.25).all()
    drawn = skewed.draw(4000, np.random.default_rng(3))
    weight, k = weights(log_gamma(drawn) - skewed.log_density(drawn))
    assert k < 0.5
    assert 1.0 / np.sum(weight**2) > 0.8 * 4000


def normal_table() -> Floats:
    log_density = -0.5 * KNOTS**2
    return (log_density - np.log(np.sum(np.exp(log_density)) * (KNOTS[1] - KNOTS[0])))[None]


@pytest.mark.parametrize(("sd", "covered"), [(1.0, True), (40.0, False)])
def test_pareto_k_tells_a_proposal_that_is_too_narrow(sd: float, covered: bool) -> None:
    proposal = Proposal(np.zeros(1), np.eye(1), normal_table())
    drawn = proposal.draw(4000, np.random.default_rng(4))
    weight, k = weights(-0.5 * (drawn[0] / sd) ** 2 - proposal.log_density(drawn))
    assert (k < MAX_PARETO_K) == covered
    assert weight.sum() == pytest.approx(1.0)


def test_weights_of_wide_draws_are_bounded() -> None:
    """Nowhere is the proposal less than its share of Student-t draws."""
    proposal = Proposal(np.zeros(1), np.eye(1), normal_table())
    far = np.linspace(-8.0, 8.0, 400)[None]
    student = stats.t(6.0, 0.0, 1.5).logpdf(far[0])
    assert (student - proposal.log_density(far) <= -np.log(WIDE_SHARE) + 1e-9).all()


def checked(values: Floats, mean: float, sd: float) -> None:
    """Compare chains (chains, draws) of independent-proposal Metropolis with a mean and an sd."""
    by_batch = values.reshape(values.shape[0] * 20, -1)
    error = by_batch.mean(axis=1).std(ddof=1) / np.sqrt(len(by_batch))
    assert values.mean() == pytest.approx(mean, abs=4 * error)
    squares = (by_batch - mean) ** 2
    error = squares.mean(axis=1).std(ddof=1) / np.sqrt(len(by_batch))
    assert squares.mean() == pytest.approx(sd**2, abs=4 * error)


@pytest.mark.parametrize("good", [True, False])
def test_chains_have_the_target(skewed: Proposal, good: bool) -> None:
    """Exactly so for any proposal; one that is poor makes the chains stay longer."""
    proposal = skewed if good else Proposal(np.array([0.8]), np.array([[1.3]]), normal_table())
    rng = np.random.default_rng(5)
    chains, draws = 4, 10_000
    u = proposal.draw(chains * draws, rng)
    log_weights = (log_gamma(u) - proposal.log_density(u)).reshape(chains, draws)
    at = metropolis(log_weights, rng)
    values = np.take_along_axis(u[0].reshape(chains, draws), at, axis=1)
    checked(values, float(digamma(SHAPE)), float(np.sqrt(polygamma(1, SHAPE))))
    moved = np.mean(np.diff(at, axis=1) != 0)
    assert moved > 0.8 if good else 0.3 < moved < 0.8
    assert ((at <= np.arange(draws)) | (at == at[:, :1])).all()


def test_a_chain_never_stays_where_nothing_is() -> None:
    log_weights = np.full((2, 50), -np.inf)
    log_weights[:, [7, 30]] = 0.0
    at = metropolis(log_weights, np.random.default_rng(6))
    assert set(at.ravel().tolist()) <= {7, 30}
    assert (at[:, 30:] == 30).all()


def test_whitened_axes_are_a_root_of_the_covariance() -> None:
    rng = np.random.default_rng(7)
    root = rng.normal(size=(4, 4)) * np.array([1e-3, 1.0, 10.0, 0.1])[:, None]
    covariance = root @ root.T
    axes = whitened(covariance)
    np.testing.assert_allclose(axes @ axes.T, covariance, rtol=1e-8)
    along = np.diag(axes) / np.sqrt(np.diag(covariance))
    assert (along > 0).all()
    np.testing.assert_allclose(whitened(np.diag([4.0, 9.0])), np.diag([2.0, 3.0]), atol=1e-12)


@pytest.mark.parametrize("known", [True, False])
def test_moments_are_the_draws_own_where_these_tell_much(known: bool) -> None:
    """With few draws that count, the covariance stays near that of the proposal."""
    rng = np.random.default_rng(8)
    count = 20_000 if known else 3
    u = CENTRE[:, None] + AXES @ rng.normal(size=(2, count))
    first = Proposal(np.zeros(2), 3.0 * np.eye(2), np.repeat(normal_table(), 2, axis=0))
    mean, covariance = moments(u, np.full(count, 1 / count), first)
    np.testing.assert_allclose(mean, u.mean(axis=1))
    if known:
        np.testing.assert_allclose(covariance, AXES @ AXES.T, atol=0.05)
    else:
        trust = 3 / (3 + 4 * 2)
        expected = trust * np.cov(u, bias=True) + (1 - trust) * 9.0 * np.eye(2)
        np.testing.assert_allclose(covariance, expected)


@pytest.mark.parametrize("slope", [0.0, 5.0])
def test_a_density_that_falls_slowly_or_steeply_at_the_probes_is_still_proposed_to(slope: float) -> None:
    """A flat one has tails all the same, and a steep one no steeper than can be drawn from."""

    def target(u: Floats) -> Floats:
        return -slope * np.abs(u[0])

    proposal = fitted(target, np.zeros(1), np.eye(1))
    _, u, volume = grid(proposal, 200.0, 0.005)
    assert np.exp(proposal.log_density(u)).sum() * volume == pytest.approx(1.0, abs=1e-4)
    drawn = proposal.draw(2000, np.random.default_rng(9))
    assert np.isfinite(drawn).all()
    assert np.isfinite(proposal.log_density(drawn)).all()

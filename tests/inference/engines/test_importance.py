"""A fitted proposal is a density, its draws have it, and those that are resampled have the target."""

from functools import partial

import numpy as np
import pytest
from arviz_stats.base.array import array_stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import digamma, polygamma

from taskorder.inference.diagnostics import MAX_PARETO_K
from taskorder.inference.engines.importance import (
    FLAT,
    HOT_SHARE,
    HOTTEST,
    WIDE_SHARE,
    Frame,
    Proposal,
    fitted,
    frame,
    learned,
    resampled,
    weights,
)
from taskorder.inference.engines.slices import Slice

Floats = NDArray[np.float64]

SHAPE = 1.5
COVARIANCE = np.array([[0.7, 0.3], [0.3, 1.4]])
CENTRE = np.array([0.5, -1.0])


def log_gamma(u: Floats) -> Floats:
    """Return the density of the log of a Gamma(SHAPE, 1) variable: skewed, like a log sd."""
    return SHAPE * u[0] - np.exp(u[0])


def curved(u: Floats) -> Floats:
    """Return a density of two dimensions that is no normal one."""
    return -0.5 * u[0] ** 2 - 0.5 * (u[1] - 0.3 * u[0] ** 2) ** 2 + 0.5 * u[1] - 0.1 * np.exp(u[1])


@pytest.fixture
def skewed() -> Proposal:
    return fitted(log_gamma, line(np.log(SHAPE), 1 / np.sqrt(SHAPE)))


def line(centre: float, sd: float) -> Frame:
    return frame(np.array([centre]), np.array([[sd**2]]), np.zeros(1, dtype=bool))


@pytest.fixture(params=[(False, False), (True, False), (True, True)], ids=str)
def plane(request: pytest.FixtureRequest) -> Frame:
    """Coordinates of two parameters, which may be logs of sds."""
    return frame(CENTRE, COVARIANCE, np.array(request.param))


def grid(about: Frame, reach: float, step: float) -> tuple[Floats, Floats, float]:
    """Return points about the centre, as z and u, and the volume of each in u: it is the same everywhere."""
    size = len(about.centre)
    along = np.arange(-reach, reach, step) + step / 2
    z = np.array(np.meshgrid(*[along] * size, indexing="ij")).reshape(size, -1)
    return z, about.place(z), step**size * float(np.prod(np.diag(about.root)))


def test_coordinates_are_found_again_and_keep_volumes(plane: Frame) -> None:
    z = np.random.default_rng(1).normal(0.0, 2.0, (2, 50))
    np.testing.assert_allclose(plane.find(plane.place(z)), z, atol=1e-9)
    at = z[:, :1]
    steps = 1e-6 * np.eye(2)
    jacobian = (plane.place(at + steps) - plane.place(at - steps)) / 2e-6
    volume = np.prod(np.diag(plane.root))
    assert abs(np.linalg.det(jacobian)) == pytest.approx(volume, rel=1e-6)
    np.testing.assert_allclose(plane.place(np.zeros((2, 1)))[:, 0], plane.centre)
    at_mode = (plane.place(steps) - plane.place(-steps)) / 2e-6
    np.testing.assert_allclose(at_mode, plane.axes, atol=1e-6)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, COVARIANCE)


def test_a_proposal_of_one_dimension_integrates_to_one(skewed: Proposal) -> None:
    _, u, volume = grid(skewed.frame, 200.0, 0.005)
    assert np.exp(skewed.log_density(u)).sum() * volume == pytest.approx(1.0, abs=1e-5)


def test_a_proposal_of_two_dimensions_integrates_to_one(plane: Frame) -> None:
    proposal = fitted(curved, plane)
    _, u, volume = grid(proposal.frame, 45.0, 0.0625)
    assert np.exp(proposal.log_density(u)).sum() * volume == pytest.approx(1.0, abs=5e-4)


def test_draws_of_one_dimension_have_its_density(skewed: Proposal) -> None:
    _, u, volume = grid(skewed.frame, 200.0, 0.005)
    cumulated = np.cumsum(np.exp(skewed.log_density(u))) * volume
    drawn = skewed.draw(50_000, np.random.default_rng(1))[0]
    found = stats.kstest(drawn, partial(np.interp, xp=u[0], fp=cumulated))
    assert found.pvalue > 1e-3


def test_draws_of_two_dimensions_have_its_density(plane: Frame) -> None:
    proposal = fitted(curved, plane)
    z, u, volume = grid(proposal.frame, 10.0, 0.05)
    edges = np.array([-10.0, -3.0, -2.0, -1.25, -0.75, -0.25, 0.25, 0.75, 1.25, 2.0, 3.0, 10.0])
    bins = (edges, edges)
    share, _, _ = np.histogram2d(*z, bins=bins, weights=np.exp(proposal.log_density(u)) * volume)
    drawn = plane.find(proposal.draw(50_000, np.random.default_rng(2)))
    count, _, _ = np.histogram2d(*drawn, bins=bins)
    seen = share.ravel() * count.sum() / share.sum() > 5
    expected = share.ravel()[seen] * 50_000
    statistic = np.sum((count.ravel()[seen] - expected) ** 2 / expected)
    assert seen.sum() > 80
    assert 1e-3 < stats.chi2(seen.sum()).sf(statistic) < 0.999


def test_the_proposal_follows_its_target(skewed: Proposal) -> None:
    """The logs differ little about the mode; farther out the share of wide draws is above the target."""
    u = skewed.frame.place(np.linspace(-3.0, 2.5, 60)[None])
    gap = skewed.log_density(u) - log_gamma(u)
    assert np.ptp(gap[:45]) < 0.25
    assert (gap > gap[30] - 0.25).all()
    drawn = skewed.draw(4000, np.random.default_rng(3))
    weight, k = weights(log_gamma(drawn) - skewed.log_density(drawn))
    assert k < 0.5
    assert 1.0 / np.sum(weight**2) > 0.8 * 4000


def normal() -> tuple[Slice, ...]:
    knots = np.linspace(-8.0, 8.0, 129)
    return (Slice(knots, stats.norm.logpdf(knots), np.array([8.0, 8.0])),)


@pytest.mark.parametrize(("sd", "covered"), [(1.0, True), (40.0, False)])
def test_pareto_k_tells_a_proposal_that_is_too_narrow(sd: float, covered: bool) -> None:
    proposal = Proposal(line(0.0, 1.0), normal())
    drawn = proposal.draw(4000, np.random.default_rng(4))
    weight, k = weights(-0.5 * (drawn[0] / sd) ** 2 - proposal.log_density(drawn))
    assert (k < MAX_PARETO_K) == covered
    assert weight.sum() == pytest.approx(1.0)


def test_weights_are_bounded_where_tails_are_heavier_than_the_slices() -> None:
    """Nowhere is the proposal less than its share of Student-t draws, nor than that of heated ones."""
    far = np.linspace(-8.0, 8.0, 400)[None]
    proposal = Proposal(line(0.0, 1.0), normal())
    student = stats.t(6.0, 0.0, 1.5).logpdf(far[0])
    assert (student - proposal.log_density(far) <= -np.log(WIDE_SHARE) + 1e-9).all()
    wide = Proposal(frame(np.zeros(4), np.eye(4), np.zeros(4, dtype=bool)), 4 * normal())
    hot = 4 * stats.norm(0.0, HOTTEST**-0.5).logpdf(far[0])
    assert (hot - wide.log_density(np.repeat(far, 4, axis=0)) <= -np.log(HOT_SHARE) + 1e-3).all()


@pytest.mark.parametrize("good", [True, False])
def test_resampled_draws_have_the_target(skewed: Proposal, good: bool) -> None:
    """And a poor proposal makes fewer of them distinct, which their effective sample size sees."""
    proposal = skewed if good else Proposal(line(0.8, 1.3), normal())
    u = proposal.draw(40_000, np.random.default_rng(5))
    weight, _ = weights(log_gamma(u) - proposal.log_density(u))
    at = resampled(weight, 40_000, np.random.default_rng(6))
    values = u[0, at].reshape(4, -1)
    worth = float(np.asarray(array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean")))
    assert worth == pytest.approx(1.0 / np.sum(weight**2), rel=0.25)
    mean, sd = float(digamma(SHAPE)), float(np.sqrt(polygamma(1, SHAPE)))
    assert values.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(worth))
    assert values.std() == pytest.approx(sd, abs=4 * sd / np.sqrt(worth))
    distinct = len(np.unique(at)) / len(at)
    assert distinct > 0.85 if good else 0.3 < distinct < 0.85


@given(
    weight=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30).filter(lambda values: sum(values) > 0.01),
    draws=st.integers(1, 200),
    seed=st.integers(0, 9),
)
def test_each_draw_is_copied_as_often_as_its_weight_asks(weight: list[float], draws: int, seed: int) -> None:
    share = np.array(weight) / np.sum(weight)
    at = resampled(share, draws, np.random.default_rng(seed))
    copies = np.bincount(at, minlength=len(share))
    assert len(at) == draws
    assert (np.diff(at) >= 0).all()
    assert (np.abs(copies - draws * share) < 1.0 + 1e-6).all()
    assert (copies[share == 0.0] == 0).all()


def test_what_is_told_of_a_sd_that_goes_to_zero_settles() -> None:
    """With the log of a sd far below its mode other coordinates stay; far above they follow it."""
    about = frame(np.zeros(2), np.array([[1.0, 0.4], [0.4, 0.5]]), np.array([True, False]))
    low, high = about.place(np.array([[-8.0, 8.0], [0.0, 0.0]])).T
    assert low[0] == pytest.approx(-8.0)
    assert low[1] == pytest.approx(-0.4 / 2.0, rel=1e-6)
    assert high[1] == pytest.approx(0.4 * 8.0)


@pytest.mark.parametrize("dimensions", [1, 2, 4])
def test_weights_that_hardly_differ_pass(dimensions: int) -> None:
    """Those of a proposal a little too wide have a bound, and no tail whose shape could be measured."""
    z = np.random.default_rng(7).normal(size=(dimensions, 4000))
    log_weights = -0.05 * np.sum(z**2, axis=0)
    assert np.max(log_weights) - np.median(log_weights) < np.log(FLAT)
    weight, k = weights(log_weights)
    assert k <= 0.0
    np.testing.assert_allclose(weight, np.exp(log_weights) / np.exp(log_weights).sum())


def test_two_sds_that_share_a_variance_are_covered() -> None:
    """Their sum of variances is known well, their shares of it are not: a bent ridge."""

    def target(u: Floats) -> Floats:
        shared = np.log(np.exp(2 * u).sum(axis=0))
        return -20.0 * shared**2 + np.sum(u - np.exp(u), axis=0)

    mode = optimize.minimize(lambda u: -target(u[:, None])[0], np.full(2, -0.3)).x
    h = 1e-3 * np.eye(2)
    by_pair = [[(a + b, 1), (a - b, -1), (b - a, -1), (-a - b, 1)] for a in h for b in h]
    curvature = [sum(s * target((mode + d)[:, None])[0] for d, s in pair) / 4e-6 for pair in by_pair]
    covariance = np.linalg.inv(-np.reshape(curvature, (2, 2)))
    proposal = fitted(target, frame(mode, covariance, np.ones(2, dtype=bool)))
    drawn = proposal.draw(4000, np.random.default_rng(8))
    weight, k = weights(target(drawn) - proposal.log_density(drawn))
    assert k < MAX_PARETO_K
    assert 1.0 / np.sum(weight**2) > 400


@pytest.mark.parametrize("slope", [0.3, 5.0])
def test_a_density_that_falls_slowly_or_steeply_at_the_probes_is_still_proposed_to(slope: float) -> None:
    """Its scale is looked for, and its tails are no steeper than can be drawn from."""

    def target(u: Floats) -> Floats:
        return -slope * np.abs(u[0])

    proposal = fitted(target, line(0.0, 1.0))
    _, u, volume = grid(proposal.frame, 200.0, 0.005)
    assert np.exp(proposal.log_density(u)).sum() * volume == pytest.approx(1.0, abs=1e-4)
    drawn = proposal.draw(2000, np.random.default_rng(9))
    assert np.isfinite(drawn).all()
    assert np.isfinite(proposal.log_density(drawn)).all()


@pytest.mark.parametrize(("shape", "most"), [(200.0, 3), (SHAPE, 19)])
def test_a_coordinate_that_is_nearly_normal_is_measured_at_two_points(shape: float, most: int) -> None:
    asked: list[int] = []

    def log_density(u: Floats) -> Floats:
        asked.append(u.shape[1])
        return shape * u[0] - np.exp(u[0])

    proposal = fitted(log_density, line(np.log(shape), 1 / np.sqrt(shape)))
    assert sum(asked) == most
    u = proposal.draw(4000, np.random.default_rng(1))
    weight, k = weights(log_density(u) - proposal.log_density(u))
    assert k < MAX_PARETO_K
    assert 1 / np.sum(weight**2) > 0.85 * len(weight)
    mean, sd = digamma(shape), np.sqrt(polygamma(1, shape))
    assert weight @ u[0] == pytest.approx(mean, abs=5 * sd / np.sqrt(0.85 * len(weight)))


def test_a_bent_coordinate_does_not_spoil_a_nearly_normal_one() -> None:
    about = frame(np.array([np.log(200.0), np.log(SHAPE)]), np.diag([1 / 200, 1 / SHAPE]), np.zeros(2, bool))

    def log_density(u: Floats) -> Floats:
        return 200.0 * u[0] - np.exp(u[0]) + SHAPE * u[1] - np.exp(u[1])

    proposal = fitted(log_density, about)
    u = proposal.draw(4000, np.random.default_rng(1))
    weight, _ = weights(log_density(u) - proposal.log_density(u))
    assert 1 / np.sum(weight**2) > 0.85 * len(weight)


HEAVY, SIZE = 3.0, 8


def heavy(u: Floats) -> Floats:
    """Return the log density of a Student-t of many dimensions: along each it is wider than at the mode."""
    shape = stats.multivariate_t(np.zeros(SIZE), np.eye(SIZE), df=HEAVY)
    return np.atleast_1d(shape.logpdf(u.T))


@pytest.fixture(scope="module")
def about_heavy() -> Proposal:
    at_mode = np.eye(SIZE) * HEAVY / (HEAVY + SIZE)
    return fitted(heavy, frame(np.zeros(SIZE), at_mode, np.zeros(SIZE, dtype=bool)))


def worth(value: Floats, log_density: Floats) -> float:
    weight, _ = weights(value - log_density)
    return 1.0 / float(np.sum(weight**2)) / len(weight)


@pytest.mark.parametrize("seed", range(3))
def test_a_proposal_learns_what_its_draws_lack(about_heavy: Proposal, seed: int) -> None:
    rng = np.random.default_rng(seed)
    u = about_heavy.draw(2000, rng)
    value, before = heavy(u), about_heavy.log_density(u)
    weight, _ = weights(value - before)
    taught = learned(about_heavy, u, value, weight)
    again = taught.draw(2000, rng)
    assert worth(heavy(again), taught.log_density(again)) > 1.3 * worth(value, before)


def test_what_is_not_finite_is_not_learned_from(about_heavy: Proposal) -> None:
    u = about_heavy.draw(1000, np.random.default_rng(1))
    value = heavy(u)
    weight, _ = weights(value - about_heavy.log_density(u))
    out = np.where(np.arange(len(value)) % 5 > 0, value, -np.inf)
    few = learned(about_heavy, u, out, weight)
    same = learned(about_heavy, u[:, np.isfinite(out)], value[np.isfinite(out)], weight[np.isfinite(out)])
    assert np.array_equal(few.log_density(u), same.log_density(u))


def test_a_proposal_that_lacks_nothing_stays() -> None:
    def normal(u: Floats) -> Floats:
        return -0.5 * np.sum(u**2, axis=0)

    proposal = fitted(normal, frame(np.zeros(3), np.eye(3), np.zeros(3, dtype=bool)))
    u = proposal.draw(2000, np.random.default_rng(2))
    weight, _ = weights(normal(u) - proposal.log_density(u))
    taught = learned(proposal, u, normal(u), weight)
    assert np.allclose(taught.log_density(u), proposal.log_density(u), atol=0.05)

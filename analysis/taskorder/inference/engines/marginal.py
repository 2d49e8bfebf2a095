"""The coefficients given the few non-linear parameters, densely: their joint mean and covariance.

Given theta = (recency, log sds, log residual sds) the coefficients are jointly Gaussian. With W the
cells' precisions, S the prior sds and mu the prior means of the coefficients,

    M = I + S X' W X S            mean = mu + S M^-1 S X' W (y - X mu)            V = S M^-1 S
    log p(data | theta) = -1/2 [ (1 + df)' log s2 + sum(ss / s2) + r' W r + |(mean - mu) / S|^2 + log|M| ]

with r = y - X mean and s2 the variance of one replicate. `nuts` needs the mean and the covariance of all
coefficients once, at the mode, to move them well; what is needed many times is in `density`.

The random intercept with the most levels may outnumber all other coefficients. Its precision is diagonal
given the others, so it is eliminated first (a Schur complement), and M is as small as the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from taskorder.inference.engines import mode as modes
from taskorder.inference.engines import parameters
from taskorder.inference.engines.density import density
from taskorder.inference.layout.design import Block, Design
from taskorder.inference.priors import Prior, spread
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ELIMINATE_FROM = 200
"""A random intercept with at least so many levels is eliminated."""


@dataclass(frozen=True)
class Theta:
    """The non-linear parameters.

    Attributes
    ----------
    recency : float
        The decay of a stage's weight with every later stage; 0 where the model has none.
    sd : array (G,)
        Standard deviations between levels, one a name in `Problem.sd_names`.
    residual : array (L,)
        Residual sds, one a level; zeros where only known variances count.
    """

    recency: float
    sd: Floats
    residual: Floats


@dataclass(frozen=True)
class Problem:
    """A design, taken apart for the marginal density.

    Attributes
    ----------
    design : Design
    spec : ModelSpec
    main : tuple of sparse arrays (C, P)
        The design without the eliminated intercept.
    blocks : tuple of Block
        The blocks of `main`, with their columns there.
    eliminated : Block or None
        The random intercept that is eliminated, of A levels.
    level : array (C,) of int
        Each cell's level of it; -1 where a cell has none.
    sd_names : tuple of str
        Of the blocks that have an sd, in their order; the eliminated one last.
    """

    design: Design
    spec: ModelSpec
    main: tuple[sparse.csr_array, ...]
    blocks: tuple[Block, ...]
    eliminated: Block | None
    level: Integers
    sd_names: tuple[str, ...]

    @property
    def width(self) -> int:
        """P, the number of coefficients that are not eliminated."""
        return self.main[0].shape[1]

    def prior_mean(self) -> Floats:
        """Return the coefficients' prior means (P,)."""
        mean = np.zeros(self.width)
        for block in self.blocks:
            if block.prior is not None:
                mean[block.columns] = spread(block.prior)[0]
        return mean

    def prior_sd(self, sd: Floats) -> Floats:
        """Return the coefficients' prior sds (P,), given the groups'."""
        by_name = dict(zip(self.sd_names, sd, strict=True))
        return np.concatenate(
            [
                np.full(
                    block.stop - block.start, spread(block.prior)[1] if block.prior else by_name[block.sd]
                )
                for block in self.blocks
            ]
        )

    def membership(self) -> sparse.csr_array:
        """Return the indicators (A, C) of the eliminated intercept's levels."""
        cells = np.flatnonzero(self.level >= 0)
        levels = len(self.eliminated.labels) if self.eliminated else 0
        entries = (np.ones(len(cells)), (self.level[cells], cells))
        return sparse.coo_array(entries, shape=(levels, len(self.level))).tocsr()


def take_apart(design: Design, spec: ModelSpec) -> Problem:
    """Choose the intercept to eliminate and set the other blocks' columns side by side."""
    candidates = [
        block
        for block in design.blocks
        if block.name == f"1|{block.dim}" and block.dim in spec.groups and len(block.labels) >= ELIMINATE_FROM
    ]
    eliminated = max(candidates, key=lambda block: len(block.labels), default=None)
    level = np.full(len(design.cells.mean), -1, dtype=np.int64)
    if eliminated is None:
        return Problem(design, spec, design.effects, design.blocks, None, level, _sd_names(design.blocks))
    entries = design.effects[0][:, eliminated.columns].tocoo()
    level[entries.coords[0]] = entries.coords[1]
    rest = [block for block in design.blocks if block is not eliminated]
    columns = np.concatenate([np.arange(block.start, block.stop) for block in rest])
    main = tuple(sparse.csr_array(matrix[:, columns]) for matrix in design.effects)
    return Problem(
        design, spec, main, _side_by_side(rest), eliminated, level, (*_sd_names(rest), eliminated.sd)
    )


def _sd_names(blocks: list[Block] | tuple[Block, ...]) -> tuple[str, ...]:
    return tuple(block.sd for block in blocks if block.sd)


def _side_by_side(blocks: list[Block]) -> tuple[Block, ...]:
    placed: list[Block] = []
    start = 0
    for block in blocks:
        stop = start + block.stop - block.start
        placed.append(replace(block, start=start, stop=stop))
        start = stop
    return tuple(placed)


@dataclass(frozen=True)
class Conditional:
    """The coefficients given theta.

    Attributes
    ----------
    theta : Theta
    value : float
        log p(data | theta), up to a constant.
    mean, covariance : arrays (P,), (P, P)
        Of the coefficients that are not eliminated.
    precision : array (A,)
        Of the eliminated levels given the others.
    gain : sparse array (A, P)
        Their regression on the others: E[a | b] = offset - gain b.
    offset : array (A,)
    """

    theta: Theta
    value: float
    mean: Floats
    covariance: Floats
    precision: Floats
    gain: sparse.csr_array
    offset: Floats


def design_at(problem: Problem, recency: float) -> sparse.csr_array:
    """Return X(lambda), (C, P)."""
    total = problem.main[0]
    for back, matrix in enumerate(problem.main[1:], start=1):
        total = total + float(np.exp(-recency * back)) * matrix
    return sparse.csr_array(total)


def replicate_variance(problem: Problem, theta: Theta) -> Floats:
    """Return the variance of one replicate of each cell, (C,)."""
    cells = problem.design.cells
    return cells.v + theta.residual[cells.level] ** 2


def condition(problem: Problem, theta: Theta) -> Conditional:
    """Integrate the coefficients out at theta."""
    cells = problem.design.cells
    s2 = replicate_variance(problem, theta)
    weight = cells.n / s2
    x = design_at(problem, theta.recency)
    mu, scale = problem.prior_mean(), problem.prior_sd(theta.sd)
    residual = cells.mean - x @ mu
    weighted = sparse.csr_array(x.multiply(weight[:, None]))
    member = problem.membership()
    tau = theta.sd[-1] if problem.eliminated else 1.0
    precision = 1.0 / tau**2 + member @ weight
    cross = sparse.csr_array(member @ weighted)
    gain = sparse.csr_array(cross.multiply(1.0 / precision[:, None]))
    information = (x.T @ weighted - cross.T @ gain).toarray()
    score = weighted.T @ residual - gain.T @ (member @ (weight * residual))
    factor = linalg.cholesky(np.eye(len(mu)) + scale[:, None] * information * scale, lower=True)
    half = linalg.solve_triangular(factor, np.diag(scale), lower=True)
    covariance = half.T @ half
    mean = mu + covariance @ score
    offset = (member @ (weight * cells.mean)) / precision
    a = offset - gain @ mean
    r = cells.mean - x @ mean - member.T @ a
    value = -0.5 * float(
        (1.0 + cells.df) @ np.log(s2)
        + np.sum(cells.ss / s2)
        + np.sum(weight * r**2)
        + np.sum(((mean - mu) / scale) ** 2)
        + 2.0 * np.sum(np.log(np.diag(factor)))
        + np.sum(a**2) / tau**2
        + np.sum(np.log(tau**2 * precision))
    )
    return Conditional(theta, value, mean, covariance, precision, gain, offset)


def mode(problem: Problem, iterations: int = 60) -> Conditional:
    """Return the coefficients given the mode of the non-linear parameters."""
    found = modes.mode(density(problem.design, problem.spec), problem.design, iterations)
    theta = found.density.coordinates.unpack(found.u[:, None])
    names = parameters.sd_names(problem.design.blocks)
    sd = dict(zip(names, theta.sd[:, 0], strict=True))
    return condition(
        problem,
        Theta(
            float(theta.recency[0]), np.array([sd[name] for name in problem.sd_names]), theta.residual[:, 0]
        ),
    )


def sd_priors(problem: Problem) -> list[Prior]:
    """Return the prior of each name in `Problem.sd_names`."""
    return parameters.sd_priors(problem.design, problem.spec, problem.sd_names)


def residual_prior(problem: Problem) -> Prior:
    """Return the prior of the residual sd, or of the typical one of several levels."""
    return parameters.residual_prior(problem.design, problem.spec)

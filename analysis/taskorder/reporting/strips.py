"""The scale of a column of strips: intervals that are drawn in the cells of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from taskorder.reporting.content import Strip, Tick
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.wording import number

NOTHING = -1.0
"""The place of what is not drawn."""


class Axis:
    """The scale of a column of strips, from numbers to shares of its width."""

    def __init__(self, low: float, high: float) -> None:
        pad = 0.04 * (high - low) or 1.0
        self.low, self.high = low - pad, high + pad

    def at(self, value: float) -> float:
        """Return the share of the width at which a number stands."""
        return round(float(np.clip((value - self.low) / (self.high - self.low), 0.0, 1.0)), 4)

    def ticks(self, most: int = 3) -> tuple[Tick, ...]:
        """Return round numbers with their places."""
        step = _round_step((self.high - self.low) / most)
        first = int(np.ceil(self.low / step))
        values = [step * i for i in range(first, int(np.floor(self.high / step)) + 1)]
        return tuple(
            Tick(self.at(value), number(value, max(0, -int(np.floor(np.log10(step)))))) for value in values
        )

    def strip(self, estimate: Estimate, band: float = 0.0) -> Strip:
        """Draw an estimate with its central half, over a band from `-band` to `band`."""
        low, high = estimate.quartiles()
        return Strip(
            self.at(estimate.lower), self.at(estimate.mean), self.at(estimate.upper),
            inner=(self.at(low), self.at(high)), zero=self.zero(),
            band=(self.at(-band), self.at(band)) if band > 0 else (),
        )  # fmt: skip

    def interval(self, mean: float, lower: float, upper: float) -> Strip:
        """Draw a mean and an interval; nothing but the line at zero where there is none."""
        if not np.isfinite(mean):
            return Strip(NOTHING, NOTHING, NOTHING, zero=self.zero())
        return Strip(*self.ends(mean, lower, upper), zero=self.zero())

    def ends(self, mean: float, lower: float, upper: float) -> tuple[float, float, float]:
        """Return where an interval begins, has its middle and ends; without ends it is a point."""
        lower, upper = (end if np.isfinite(end) else mean for end in (lower, upper))
        return self.at(lower), self.at(mean), self.at(upper)

    def zero(self) -> float:
        """Return where zero is; `NOTHING` where it is beyond the scale."""
        return self.at(0.0) if self.low <= 0.0 <= self.high else NOTHING


def _round_step(width: float) -> float:
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= width))


def axis_of(shown: Sequence[Estimate], *more: float) -> Axis:
    """Return a scale that holds the intervals of some estimates, zero, and more numbers."""
    ends = [end for estimate in shown for end in (estimate.lower, estimate.upper)]
    finite = [float(end) for end in (0.0, *ends, *more) if np.isfinite(end)]
    return Axis(min(finite), max(finite))

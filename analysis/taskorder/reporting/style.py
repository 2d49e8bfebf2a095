"""How figures look: the colours, sizes and type that they share with the document.

Text in a figure stays text; Typst sets it in the document's own typeface, so a figure looks the same on every
machine. Matplotlib measures it with a face of near the same width that ships with Matplotlib.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1b1b1b"
BLUE = "#1d4f76"
OCHRE = "#c07a1e"
GREY = "#8c8880"
RULE = "#c9c4ba"
BAND = "#efebe2"

TEXT_WIDTH = 118.0
"""Width of the column of text in mm."""
FULL_WIDTH = 164.0
"""Width of the column of text and the margin in mm."""
SMALL = 7.0

_MEASURED = "STIXGeneral"
_SET = "Libertinus Serif"
_MM_PER_INCH = 25.4
_SHOWN, _FINE = 115.0, 1.5
"""Pixels per inch of a figure in a notebook, and how many there are behind each."""

_RC: dict[Any, Any] = {
    "font.family": _MEASURED,
    "font.size": 8.0,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.5,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "text.parse_math": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": 8.0,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.5,
    "ytick.major.size": 0.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "taskorder",
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.constrained_layout.wspace": 0.05,
}


class Drawing(Figure):
    """A figure that notebooks show as it is, without pyplot; the same one gives the same bytes."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        stream = io.BytesIO()
        with house_style():
            self.savefig(stream, format="png", dpi=_SHOWN * _FINE, metadata={"Software": None})
        width, height = (round(side * _SHOWN) for side in self.get_size_inches())
        return stream.getvalue(), {"width": width, "height": height}


@dataclass(frozen=True)
class Picture:
    """A figure, ready for the document.

    Attributes
    ----------
    svg : str
    width : float
        In mm; the picture is set at this width, so its type has the size that it was drawn with.
    alt : str
        What is seen, for those who cannot see it.
    figure : Drawing
        What it was made from.
    """

    svg: str
    width: float
    alt: str
    figure: Drawing = field(repr=False, compare=False)


@contextmanager
def house_style() -> Generator[None]:
    """Apply the look of the report to all figures that are made and drawn within.

    A letter that the measuring face lacks is no matter: Typst sets the text.
    """
    with mpl.rc_context(_RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def new_figure(width: float, height: float) -> Drawing:
    """Return an empty figure; width and height in mm."""
    return Drawing(figsize=(width / _MM_PER_INCH, height / _MM_PER_INCH), layout="constrained")


def finish(figure: Drawing, alt: str) -> Picture:
    """Write a figure as SVG; the same figure gives the same bytes."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    width = float(figure.get_size_inches()[0]) * _MM_PER_INCH
    return Picture(stream.getvalue().replace(_MEASURED, _SET), round(width, 3), alt, figure)


def zero_line(axes: Axes) -> None:
    """Draw the line of no effect behind everything."""
    axes.axvline(0.0, color=GREY, linewidth=0.6, zorder=0)


def band(axes: Axes, rope: float) -> None:
    """Shade the region of practical equivalence, from `-rope` to `rope` on the x axis."""
    if rope > 0:
        axes.axvspan(-rope, rope, color=BAND, linewidth=0, zorder=-1)

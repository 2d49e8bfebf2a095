"""How values show themselves in a notebook: little HTML without colours, so that light and dark suit it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def table(frame: pd.DataFrame) -> str:
    """Return a table without its index; numbers have three digits that count."""
    return frame.to_html(index=False, border=0, float_format="{:.3g}".format, na_rep="")


def folded(head: str, content: str) -> str:
    """Return what opens with a click."""
    return f"<details><summary>{escape(head)}</summary>{content}</details>"


def items(texts: Sequence[str]) -> str:
    """Return a list; nothing where there is nothing to list."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def printed(text: str) -> str:
    """Return what a terminal would show."""
    return f"<pre>{escape(text)}</pre>"

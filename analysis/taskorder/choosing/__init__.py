"""Intermediate tasks chosen by a model and by rules of thumb, and what each choice would have cost."""

from taskorder.choosing.curve import regret_curve
from taskorder.choosing.evaluating import regrets

__all__ = ["regret_curve", "regrets"]

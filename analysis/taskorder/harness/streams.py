"""Randomness with names: every use of chance draws from a stream of its own."""

from __future__ import annotations

import hashlib

import numpy as np


def number(seed: int, *names: str) -> int:
    """Return 63 bits that the seed and the names decide, the same on every machine."""
    text = "\x1f".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of a name, such as ``stream(3, "order", "squad")``."""
    return np.random.default_rng(number(seed, *names))

"""Ordered sequences of training tasks in, tidy zero-shot results out."""

import os

# The hub's client warns at each of six attempts to reach it; the error that follows says it all once.
os.environ.setdefault("HF_HUB_VERBOSITY", "error")

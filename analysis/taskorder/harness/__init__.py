"""Ordered sequences of training tasks in, tidy zero-shot results out."""

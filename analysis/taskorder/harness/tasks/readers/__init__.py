"""Formats of data sets: each reader gives rows, whatever task they are of."""

"""Noise in evaluation sets, in any script."""

"""The posterior of a design: linear effects integrated out, or the whole model sampled."""

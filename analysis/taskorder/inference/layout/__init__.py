"""A table laid out for a model: cells of replicates, a sparse design, blocks of coefficients."""

"""The work on a node as it is really done, with transformers and torch."""

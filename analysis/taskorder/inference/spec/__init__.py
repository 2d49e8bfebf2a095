"""The model file: its tables, how it is read, and what in it cannot be."""

from taskorder.inference.spec.reading import parse_model, read_model
from taskorder.inference.spec.tables import (
    STAGE,
    EstimandFunction,
    EstimandSpec,
    GroupSpec,
    ModelSpec,
    NetworkSpec,
    SequenceSpec,
    crossed_names,
    is_positive,
    needs_nuts,
    sd_name,
    summands,
)

__all__ = [
    "STAGE",
    "EstimandFunction",
    "EstimandSpec",
    "GroupSpec",
    "ModelSpec",
    "NetworkSpec",
    "SequenceSpec",
    "crossed_names",
    "is_positive",
    "needs_nuts",
    "parse_model",
    "read_model",
    "sd_name",
    "summands",
]

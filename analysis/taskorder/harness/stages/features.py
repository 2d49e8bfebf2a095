"""Features of examples, kept on disk under all that decides them: data, tokeniser, length and code."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from taskorder.files import sha256_text
from taskorder.harness.examples import Example
from taskorder.harness.model.encoding import Encoded, Reading, kept
from taskorder.harness.stages import code

FOLDER = "features"
"""Beside that of the nodes."""
CLEAN = ("examples", "model/encoding")
PERTURBED = (*CLEAN, "noise")


def features(
    node: Path,
    reading: Reading,
    data: Sequence[object],
    examples: Callable[[], Sequence[Example]],
    modules: Sequence[str] = CLEAN,
) -> Encoded:
    """Return the features of examples, made once.

    Parameters
    ----------
    node : Path
        The folder of a node of the experiment.
    reading : Reading
    data : sequence
        What identifies the examples; JSON can write it.
    examples : callable
        Returns them; called only where the features are not known.
    modules : sequence of str
        Of the harness, which make the features from the data.
    """
    tokenizer = reading.tokenizer.backend_tokenizer.to_str()
    identity = [*data, tokenizer, reading.max_length, code.digest(tuple(modules))]
    place = node.parent.parent / FOLDER / sha256_text(json.dumps(identity))[:16]
    return kept(place, lambda: reading.encode(examples()))

"""An encoder with the heads of the tasks that it is trained on: features in, losses and outputs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from taskorder.harness.examples import Kind
from taskorder.harness.model.encoders import Encoder
from taskorder.harness.model.encoding import IGNORED, Encoded
from taskorder.harness.model.heads import LanguageHead

Integers = NDArray[np.int64]

KEPT, RANDOM = 0.1, 0.1
"""Of the tokens that are to be guessed, the shares that are left as they are or made random."""


@dataclass(frozen=True)
class Masking:
    """Which share of tokens is to be guessed, and by which chance."""

    share: float
    rng: np.random.Generator


@dataclass(frozen=True)
class Vocabulary:
    """What masking and padding need to know of a tokeniser."""

    pad: int
    mask: int
    classification: int
    special: frozenset[int]
    size: int

    @classmethod
    def of(cls, tokenizer: Any) -> Vocabulary:
        """Read it off a tokeniser; -1 stands for a token that there is not."""

        def number(token: int | None) -> int:
            return -1 if token is None else int(token)

        return cls(
            pad=max(0, number(tokenizer.pad_token_id)),
            mask=number(tokenizer.mask_token_id),
            classification=number(tokenizer.cls_token_id),
            special=frozenset(int(i) for i in tokenizer.all_special_ids),
            size=len(tokenizer),
        )


@dataclass(frozen=True)
class Units:
    """What is put into a batch as a whole: a feature, or all choices of an example.

    Attributes
    ----------
    first : array (U + 1,)
        Where the features of each unit begin.
    lengths : array (U,)
        Tokens, when all features of a unit are as wide as its widest.
    """

    first: Integers
    lengths: Integers

    def features(self, units: Integers) -> Integers:
        """Return the features of some units, unit by unit."""
        return np.concatenate([np.arange(int(self.first[u]), int(self.first[u + 1])) for u in units])


def units(encoded: Encoded, kind: Kind) -> Units:
    """Divide features into units."""
    if kind != "choice":
        return Units(np.arange(len(encoded) + 1), encoded.lengths)
    first = np.append(np.flatnonzero(np.diff(encoded.owner, prepend=-1)), len(encoded))
    widest = np.maximum.reduceat(encoded.lengths, first[:-1])
    return Units(first, widest * np.diff(first))


@dataclass(frozen=True)
class Inputs:
    """Features side by side, (B, W), on the encoder's device.

    Attributes
    ----------
    ids, mask, types : Tensor (B, W)
    classification : Tensor (B,)
        Where the classification token stands.
    positions : Tensor (B, W) or None
        Counted again from zero where a second text begins.
    """

    ids: Tensor
    mask: Tensor
    types: Tensor
    classification: Tensor
    positions: Tensor | None


class Learner(nn.Module):
    """An encoder and heads, by the names of their tasks."""

    def __init__(self, encoder: Encoder, heads: dict[str, nn.Module], vocabulary: Vocabulary) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict({_key(task): head for task, head in heads.items()})
        self.tasks = tuple(heads)
        self.vocabulary = vocabulary

    def head(self, task: str) -> nn.Module:
        """Return the head of a task."""
        return self.heads[_key(task)]

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.encoder.words.device

    def inputs(self, encoded: Encoded, features: Integers) -> Inputs:
        """Lay features side by side."""
        starts, lengths = encoded.starts[features], encoded.lengths[features]
        column = np.arange(int(lengths.max()))
        inside = column < lengths[:, None]
        at = np.where(inside, starts[:, None] + column, 0)
        ids = np.where(inside, encoded.ids[at], self.vocabulary.pad)
        return Inputs(
            ids=self.moved(ids),
            mask=self.moved(inside),
            types=self.moved(np.where(inside, encoded.types[at], 0)),
            classification=self.moved(np.argmax(ids == self.vocabulary.classification, axis=1)),
            positions=self._positions(encoded, features, column),
        )

    def _positions(self, encoded: Encoded, features: Integers, column: Integers) -> Tensor | None:
        if encoded.places.shape != encoded.owner.shape or not encoded.places.any():
            return None
        second = encoded.places[features][:, None]
        return self.moved(np.where((second > 0) & (column >= second), column - second, column))

    def moved(self, values: NDArray[Any]) -> Tensor:
        """Bring numbers to the device, whole ones as 64-bit integers."""
        return torch.from_numpy(values.astype(np.float32 if values.dtype.kind == "f" else np.int64)).to(
            self.device
        )

    def states(self, given: Inputs) -> Tensor:
        """Return the encoder's states, (B, W, H)."""
        return self.encoder(given.ids, given.mask, given.types, given.positions)

    def outputs(self, task: str, kind: Kind, given: Inputs) -> Tensor:
        """Return logits: (B, L) of `text`, (B, 1) of `choice`, (B, W, L) of `tokens`, (B, W, 2) of `span`."""
        states = self.states(given)
        if kind in ("text", "choice"):
            states = states[torch.arange(len(states), device=states.device), given.classification]
        return self.head(task)(states)

    def loss(self, task: str, kind: Kind, encoded: Encoded, features: Integers, masking: Masking) -> Tensor:
        """Return the mean loss of a batch."""
        given = self.inputs(encoded, features)
        if kind == "lines":
            return self._guessed(task, given, masking)
        logits = self.outputs(task, kind, given).float()
        labels = encoded.labels
        if kind == "tokens":
            at = _at(encoded, features, IGNORED)
            return functional.cross_entropy(
                logits.flatten(0, 1), self.moved(at).flatten(), ignore_index=IGNORED
            )
        if kind == "span":
            closed = logits.masked_fill(given.mask[..., None] == 0, -torch.inf)
            return functional.cross_entropy(closed, self.moved(labels[features]))
        if kind == "choice":
            table, right = by_example(logits[:, 0], encoded.owner[features])
            return functional.cross_entropy(table, self.moved(labels[features][right]))
        target = self.moved(labels[features])
        if target.is_floating_point():
            return functional.mse_loss(logits[:, 0], target)
        return functional.cross_entropy(logits, target)

    def _guessed(self, task: str, given: Inputs, masking: Masking) -> Tensor:
        ids = given.ids.cpu().numpy()
        chosen, shown = masked(ids, self.vocabulary, masking)
        where = torch.from_numpy(chosen).to(self.device)
        states = self.encoder(self.moved(shown), given.mask, given.types, given.positions)[where]
        head = self.head(task)
        assert isinstance(head, LanguageHead)
        return functional.cross_entropy(head(states, self.encoder.words).float(), given.ids[where])


def _key(task: str) -> str:
    """Write the name of a task as torch allows names of modules."""
    return task.replace(".", "-")


def masked(
    ids: NDArray[np.int64], vocabulary: Vocabulary, masking: Masking
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Choose tokens (B, W) that are to be guessed, and return them with what is shown in their place.

    At least one a batch; special tokens never. Source: Devlin et al. (2019), BERT.
    """
    rng = masking.rng
    ordinary = ~np.isin(ids, list(vocabulary.special | {vocabulary.pad}))
    chance = np.where(ordinary, rng.random(ids.shape), 2.0)
    chosen = chance < max(masking.share, float(chance.min()) + 1e-12)
    kind = rng.random(ids.shape)
    shown = np.where(chosen & (kind >= KEPT + RANDOM), vocabulary.mask, ids)
    drawn = rng.integers(0, vocabulary.size, ids.shape)
    return chosen, np.where(chosen & (kind < RANDOM), drawn, shown)


def by_example(logits: Tensor, owner: Integers) -> tuple[Tensor, Integers]:
    """Lay the logits of choices (B,) out by example, (U, C); return also the first feature of each."""
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    count = np.diff(np.append(first, len(owner)))
    row = np.repeat(np.arange(len(first)), count)
    table = torch.full((len(first), int(count.max())), -torch.inf, device=logits.device)
    column = np.arange(len(owner)) - first[row]
    return table.index_put((torch.from_numpy(row), torch.from_numpy(column)), logits), first


def _at(encoded: Encoded, features: Integers, otherwise: int) -> Integers:
    """Return the labels of tokens, (B, W)."""
    starts, lengths = encoded.starts[features], encoded.lengths[features]
    column = np.arange(int(lengths.max()))
    inside = column < lengths[:, None]
    return np.where(inside, encoded.labels[np.where(inside, starts[:, None] + column, 0)], otherwise)


def device() -> torch.device:
    """Return the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precise(precision: str) -> AbstractContextManager[Any]:
    """Compute in bfloat16 where that is asked for, or `auto` and there is a GPU."""
    if precision == "bfloat16" or (precision == "auto" and device().type == "cuda"):
        return torch.autocast(device().type, dtype=torch.bfloat16)
    return torch.autocast(device().type, enabled=False)


def parameters(learner: Learner, decay: float) -> Iterator[dict[str, Any]]:
    """Yield the optimiser's groups: matrices decay, biases and norms do not."""
    trained = [p for p in learner.parameters() if p.requires_grad]
    yield {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay}
    yield {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}

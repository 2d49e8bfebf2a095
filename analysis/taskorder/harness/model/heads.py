"""What stands on an encoder: a fresh head for every task."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from taskorder.harness.examples import Kind


class SentenceHead(nn.Module):
    """Logits of one text or a pair, from the encoder's state at its classification token."""

    def __init__(self, size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(size, size)
        self.out = nn.Linear(size, outputs)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (B, outputs) of states (B, H)."""
        return self.out(self.dropout(torch.tanh(self.dense(self.dropout(pooled)))))


class WordHead(nn.Module):
    """Logits at every token: of a label, or of an answer's start and end."""

    def __init__(self, size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(size, outputs)

    def forward(self, states: Tensor) -> Tensor:
        """Return logits (..., outputs) of states (..., H)."""
        return self.out(self.dropout(states))


class LanguageHead(nn.Module):
    """Logits of the vocabulary, through the encoder's own word embeddings."""

    def __init__(self, size: int, embedded: int, vocabulary: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, embedded)
        self.norm = nn.LayerNorm(embedded, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, states: Tensor, embeddings: Tensor) -> Tensor:
        """Return logits (N, V) of states (N, E), given word embeddings (V, E)."""
        return self.norm(nn.functional.gelu(self.dense(states))) @ embeddings.T + self.bias


@dataclass(frozen=True)
class Sizes:
    """What an encoder tells its heads: the widths of states and of word embeddings, and its vocabulary."""

    states: int
    embeddings: int
    vocabulary: int
    dropout: float


def fresh(kind: Kind, outputs: int, sizes: Sizes, generator: torch.Generator) -> nn.Module:
    """Make a head for a kind of task.

    Parameters
    ----------
    kind : Kind
        But for `retrieval`, which needs none.
    outputs : int
        Labels; 1 for a regression; of no account for `choice`, `span` and `lines`.
    sizes : Sizes
    generator : torch.Generator
        From which all weights are drawn: Normal(0, 0.02), biases at zero.
    """
    makers = {
        "text": lambda: SentenceHead(sizes.states, outputs, sizes.dropout),
        "choice": lambda: SentenceHead(sizes.states, 1, sizes.dropout),
        "tokens": lambda: WordHead(sizes.states, outputs, sizes.dropout),
        "span": lambda: WordHead(sizes.states, 2, sizes.dropout),
        "lines": lambda: LanguageHead(sizes.states, sizes.embeddings, sizes.vocabulary),
    }
    head = makers[kind]()
    for module in head.modules():
        if isinstance(module, nn.Linear):
            module.weight.data = torch.randn(module.weight.shape, generator=generator) * 0.02
            module.bias.data.zero_()
    return head

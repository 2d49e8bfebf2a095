"""The tables of an experiment file as frozen values: hyper-parameters, sequences, targets, evaluation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Tuning = Literal["full", "lora", "prompt"]
Keep = Literal["leaves", "all", "none"]
Positive = Annotated[int, Field(strict=True, ge=1)]
Count = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?$")]


class Table(BaseModel):
    """A table of the file: frozen, and without keys of its own making."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Training(Table):
    """Hyper-parameters of one stage.

    Attributes
    ----------
    epochs : float
        Passes over the training examples; a part of one is allowed.
    max_steps : int or None
        Updates at most.
    max_examples : int or None
        Training examples at most, drawn by the seed.
    learning_rate, weight_decay, clip : float
        Of AdamW at its peak; `clip` is the norm of gradients, 0 for none.
    warmup : float
        Part of the updates in which the learning rate rises from 0; it falls to 0 over the rest.
    batch_tokens : int
        Tokens of a batch, padding included.
    max_length : int
        Tokens of one text; what is longer is cut, or read in windows.
    dev_points : int
        How often the dev score is taken, evenly over training; the curve has so many points.
    dev_examples : int or None
        Examples of the dev set, evenly spaced, that are scored at each point.
    select : {"last", "best"}
        Whether the last weights are kept, or those with the best dev score.
    precision : {"auto", "float32", "bfloat16"}
    rank, alpha : int
        Of LoRA; no part of a stage that is tuned otherwise.
    tokens : int
        Of a soft prompt; no part of a stage that is tuned otherwise.
    mask : float
        Part of the tokens that a language model must restore; no part of other tasks.
    smoothing : float
        Exponent of the sizes of languages, from which follow their shares in text of many languages: 1 takes
        every line once an epoch, 0 all languages alike often; no part of tasks whose lines are of one.
    mixing : {"proportional", "equal"}
        How the examples of jointly trained stages are mixed; no part of other stages.
    snapshot_minutes : float
        How often a stage is written down while it trains, so that it goes on from there when it was
        interrupted; 0 for never. It changes no outcome.
    """

    epochs: Annotated[float, Field(gt=0)] = 3.0
    max_steps: Positive | None = None
    max_examples: Positive | None = None
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(ge=0)] = 1.0
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.06
    batch_tokens: Positive = 4096
    max_length: Annotated[int, Field(strict=True, ge=8)] = 128
    dev_points: Count = 10
    dev_examples: Positive | None = 1000
    select: Literal["last", "best"] = "last"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    rank: Positive = 8
    alpha: Positive = 16
    tokens: Positive = 20
    mask: Annotated[float, Field(gt=0, lt=1)] = 0.15
    smoothing: Annotated[float, Field(ge=0, le=1)] = 1.0
    mixing: Literal["proportional", "equal"] = "proportional"
    snapshot_minutes: Annotated[float, Field(ge=0)] = 10.0


ONLY_FOR: dict[str, Tuning] = {"rank": "lora", "alpha": "lora", "tokens": "prompt"}
"""Hyper-parameters that mean something for one kind of tuning only."""


class Sample(Table):
    """So many of all orders, drawn by a seed; a larger sample holds the smaller ones of the same seed."""

    sample: Positive
    seed: Count = 0


class Sequences(Table):
    """`[sequences]`: which orders of which stages come before the targets.

    Attributes
    ----------
    pool : tuple of str
        Steps, each of which a sequence holds at most once: a task, ``mlm[sw]``, or a joint step ``a+b``.
    lengths : tuple of int
        How many steps a sequence has; 0 is direct fine-tuning.
    orders : "all", Sample, or tuple of str
        Every order, some of them, or these very sequences (then `pool` and `lengths` say nothing).
    seeds : mapping of str to tuple of int
        By length: the seeds that sequences of so many steps are trained with, where these are not all.
    """

    pool: tuple[str, ...] = ()
    lengths: tuple[Count, ...] = ()
    orders: Literal["all"] | Sample | tuple[str, ...] = "all"
    seeds: dict[str, tuple[Count, ...]] = Field(default_factory=dict[str, tuple[Count, ...]])


class Target(Table):
    """`[targets.NAME]`: a task that is trained in one language and scored in others.

    Attributes
    ----------
    train : str
        Language of the training data; empty for a task without training (retrieval).
    evaluate : "all" or tuple of str
        Languages.
    reuse_head : str
        The task whose head the target starts from, where the sequence holds it; a fresh head elsewhere.
    """

    train: Code | Literal[""] = "en"
    evaluate: Literal["all"] | tuple[Code, ...] = "all"
    reuse_head: str = ""


class Scoring(Table):
    """`[evaluation]`: how targets are scored.

    Attributes
    ----------
    perturbations : tuple of str
        What is done to the text beside leaving it clean: ``typos:0.1``, ``case``; the words of
        `taskorder.harness.noise.changes.NOISES`.
    batch_tokens : int
    max_examples : int or None
        So many of every evaluation set, evenly spaced.
    stages : bool
        Score the intermediate tasks, too, after their own and every later stage (forgetting).
    """

    perturbations: tuple[str, ...] = ()
    batch_tokens: Positive = 16384
    max_examples: Positive | None = None
    stages: Flag = False

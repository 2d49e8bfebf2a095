"""Encoders of the transformers library: found, read, tuned in part or in full, and carried between stages.

What is carried is all that a stage may have changed: every weight of the encoder (`full`), or its adapter
(`lora`) or soft prompt (`prompt`) while the encoder itself stays the backbone's. Reading a carried state back
is strict: a name that is missing, or one too many, is an error.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from taskorder.errors import MissingData
from taskorder.files import sha256, sha256_text
from taskorder.harness.model.heads import LanguageHead, Sizes

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

type Tuning = Literal["full", "lora", "prompt"]

UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, SafetensorError)
WEIGHTS = "model.safetensors"
LANGUAGE_HEAD = {
    "dense.weight": ("cls.predictions.transform.dense.weight", "lm_head.dense.weight"),
    "dense.bias": ("cls.predictions.transform.dense.bias", "lm_head.dense.bias"),
    "norm.weight": ("cls.predictions.transform.LayerNorm.weight", "lm_head.layer_norm.weight"),
    "norm.bias": ("cls.predictions.transform.LayerNorm.bias", "lm_head.layer_norm.bias"),
    "bias": ("cls.predictions.bias", "lm_head.bias"),
}
"""Where BERT and RoBERTa keep what `LanguageHead` holds."""


class Encoder(nn.Module):
    """An encoder, in full or under an adapter or a soft prompt.

    Parameters
    ----------
    model
        A base model of the transformers library.
    tuning : {"full", "lora", "prompt"}
    options : mapping
        `rank` and `alpha` of LoRA; `tokens`, how many a soft prompt has.
    """

    def __init__(self, model: Any, tuning: Tuning, options: Mapping[str, int]) -> None:
        super().__init__()
        self.tuning = tuning
        self.prompt = options["tokens"] if tuning == "prompt" else 0
        self.config = model.config
        embeddings = getattr(model, "embeddings", None)
        self.has_positions = hasattr(embeddings, "position_embeddings") and tuning != "prompt"
        self.first_position = 1 + int(getattr(embeddings, "padding_idx", -1))
        self.has_types = tuning != "prompt" and getattr(self.config, "type_vocab_size", 3) > 1
        self.model = _adapted(model, tuning, options)

    @property
    def sizes(self) -> Sizes:
        """What heads need to know."""
        rate = getattr(self.config, "hidden_dropout_prob", getattr(self.config, "dropout", 0.1))
        vocabulary, embedded = self.words.shape
        return Sizes(self.config.hidden_size, embedded, vocabulary, float(rate))

    @property
    def words(self) -> Tensor:
        """The embeddings of words, (V, E)."""
        return self.model.get_input_embeddings().weight

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor | None = None) -> Tensor:
        """Return the last layer's states (B, W, H) of tokens, mask and segments (B, W)."""
        return self.layers(ids, mask, types, positions)[-1]

    def layers(
        self,
        ids: Tensor,
        mask: Tensor,
        types: Tensor,
        positions: Tensor | None = None,
        *,
        every: bool = False,
    ) -> tuple[Tensor, ...]:
        """Return the states of the last layer, or of every one from the embeddings on."""
        given: dict[str, Tensor] = {"input_ids": ids, "attention_mask": mask}
        if self.has_types:
            given["token_type_ids"] = types
        if positions is not None and self.has_positions:
            given["position_ids"] = positions + self.first_position
        found = self.model(**given, output_hidden_states=every)
        states = found.hidden_states if every else (found.last_hidden_state,)
        return tuple(state[:, self.prompt :] for state in states)

    def carried(self) -> dict[str, Tensor]:
        """Return copies, on the CPU, of all tensors that a stage may have changed."""
        chosen = self.model.state_dict() if self.tuning == "full" else self._trained()
        return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in chosen.items()}

    def take(self, state: Mapping[str, Tensor]) -> None:
        """Take over what another stage carried here.

        Raises
        ------
        MissingData
            If the names of the tensors, or their shapes, are not those of this encoder.
        """
        own = self.model.state_dict() if self.tuning == "full" else self._trained()
        shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
        given = {name: tuple(tensor.shape) for name, tensor in state.items()}
        if shapes != given:
            wrong = sorted(
                name for name in shapes.keys() | given.keys() if shapes.get(name) != given.get(name)
            )
            raise MissingData(
                f"a checkpoint is of another encoder: {len(wrong)} tensors differ, such as {wrong[0]!r};"
                " train the stage again"
            )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(state[name])

    def _trained(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.model.named_parameters() if "lora_" in name or "prompt" in name}


def _adapted(model: Any, tuning: Tuning, options: Mapping[str, int]) -> Any:
    if tuning == "full":
        return model
    import peft

    kind = peft.TaskType.FEATURE_EXTRACTION
    if tuning == "lora":
        config: Any = peft.LoraConfig(
            task_type=kind, r=options["rank"], lora_alpha=options["alpha"], target_modules="all-linear"
        )
    else:
        config = peft.PromptTuningConfig(task_type=kind, num_virtual_tokens=options["tokens"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return peft.get_peft_model(model, config)


def read_encoder(name: str, tuning: Tuning, options: Mapping[str, int], generator_seed: int) -> Encoder:
    """Read a backbone.

    Parameters
    ----------
    name : str
        A folder as `save_pretrained` writes it, or the name of a model on the hub. A folder with a config and
        no weights starts from chance.
    tuning, options
        As in `Encoder`.
    generator_seed : int
        For weights that start from chance: those of such a folder, of an adapter, of a prompt.

    Raises
    ------
    MissingData
        If there is no such model, or it has no safetensors.
    """
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(generator_seed)
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if Path(name).is_dir() and not list(Path(name).glob("*.safetensors*")):
            _refuse_unsafe(Path(name))
            model = AutoModel.from_config(config)
        else:
            model = AutoModel.from_pretrained(
                name, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
            )
    except UNREADABLE as error:
        raise MissingData(_absent(name, error)) from None
    return Encoder(model, tuning, options)


def read_tokenizer(name: str) -> Any:
    """Read the tokeniser of a backbone.

    Raises
    ------
    MissingData
        If there is none, or it is not a fast one.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except UNREADABLE as error:
        raise MissingData(_absent(name, error)) from None
    if not tokenizer.is_fast:
        raise MissingData(
            f"backbone {name!r}: its tokeniser is not a fast one, and only those tell where tokens stand in"
            " the text; save it with a tokenizer.json"
        )
    return tokenizer


def _refuse_unsafe(folder: Path) -> None:
    if unsafe := [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.ckpt")]:
        raise MissingData(
            f"backbone {str(folder)!r}: {unsafe[0].name} is a pickle, which may run code when it is read;"
            " save the model again with save_pretrained(..., safe_serialization=True)"
        )


def _absent(name: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    return (
        f"backbone {name!r} cannot be read: {reason[:200]}. Name a folder as save_pretrained writes it, or a"
        " model of the hub; without a network only models that are in the hub's cache are found"
    )


def language_head(name: str, sizes: Sizes) -> LanguageHead | None:
    """Read the head with which a backbone was pretrained, if it has one of BERT's or RoBERTa's form."""
    from transformers.utils.hub import cached_file

    found = cached_file(name, WEIGHTS, _raise_exceptions_for_missing_entries=False)
    if found is None:
        return None
    with safe_open(found, framework="pt") as file:
        there = set(file.keys())
        names = {own: next((n for n in theirs if n in there), "") for own, theirs in LANGUAGE_HEAD.items()}
        if not all(names.values()):
            return None
        state = {own: file.get_tensor(theirs) for own, theirs in names.items()}
    head = LanguageHead(sizes.states, sizes.embeddings, sizes.vocabulary)
    head.load_state_dict(state)
    return head


def backbone_digest(name: str) -> str:
    """Return what identifies a backbone: the digest of a folder's files, or its commit on the hub.

    Raises
    ------
    MissingData
        If there is no such model.
    """
    folder = Path(name)
    if folder.is_dir():
        files = sorted(
            path for path in folder.iterdir() if path.suffix in {".json", ".safetensors", ".model", ".txt"}
        )
        return sha256_text("\n".join(f"{path.name} {sha256(path)}" for path in files))
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except UNREADABLE as error:
        raise MissingData(_absent(name, error)) from None
    return sha256_text(f"{name} {getattr(config, '_commit_hash', '')}")

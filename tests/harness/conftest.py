"""Tiny backbones that tests make themselves, and the collected data sets where they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FAMILIES = ("bert", "roberta", "xlm-roberta", "xlnet")
ALPHABET = "abcdefghijklmnopqrstuvwxyzäöüßñçéабвгдежзиклмнопрстуяαβγδεζηθ0123456789.,?!'-"


@pytest.fixture(scope="session")
def kit() -> Path:
    """The collected data sets."""
    folder = Path(__file__).parents[3] / "shared" / "kit"
    if not folder.is_dir():
        pytest.skip("the collected data sets are not beside the repository")
    return folder


def tokenizer_of(family: str) -> Any:
    """Make a tokeniser of single characters and a few words, with the family's special tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = special + list(ALPHABET) + ["##" + letter for letter in ALPHABET] + ["the", "good", "bad", "is"]
    tokenizer = Tokenizer(
        models.WordPiece(
            {word: i for i, word in enumerate(words)}, unk_token="<unk>", max_input_chars_per_word=60
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    single, pair = (
        ("$A </s> <s>", "$A </s> $B:1 </s>:1 <s>")
        if family == "xlnet"
        else ("<s> $A </s>", "<s> $A </s> $B:1 </s>:1")
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token="<s>",
        pad_token="<pad>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make, once, a tiny backbone of a family with weights and a tokeniser."""
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    made: dict[str, Path] = {}

    def of(family: str) -> Path:
        if family not in made:
            made[family] = _written(family, tmp_path_factory.mktemp(family))
        return made[family]

    return of


def _written(family: str, folder: Path) -> Path:
    import torch
    from transformers import AutoConfig, AutoModel

    tokenizer = tokenizer_of(family)
    sizes: dict[str, int] = (
        {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64}
        if family == "xlnet"
        else {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 130,
        }
    )
    tokens = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    torch.manual_seed(0)
    model: Any = AutoModel.from_config(
        AutoConfig.for_model(family, vocab_size=len(tokenizer), **sizes, **tokens)
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

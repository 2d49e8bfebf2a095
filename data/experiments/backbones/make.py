"""Make what the backbones are trained from: a tokeniser, two encoders, and lines in mixed languages.

    TASKORDER_DATA=../shared/kit python data/experiments/backbones/make.py

Texts are read from the first folder of TASKORDER_DATA that has `text/` and `parallel/`, one gzipped file a
language.
What is made is written beside this file and stays out of the repository: `tasks/texts/` and `made/`.
"""

from __future__ import annotations

import gzip
import os
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from dictionary import MARKS, UNSPACED, Dictionary, corpus, dictionaries
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SEED = 2026
PIVOT = "en"
LANGUAGES = (
    "am", "ar", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu", "id",
    "it", "ja", "ka", "kk", "ko", "ru", "sw", "ta", "te", "th", "tl", "tr", "vi", "yo", "zh",
)  # fmt: skip
"""Those in which the targets are scored and that have parallel lines."""
DEEP, WIDE = "bert-3x128-b", "roberta-2x192-b"
VOCABULARY, CHARACTERS, LONGEST = 30_000, 4_000, 12
"""Pieces of the tokeniser; the most that may be single characters; the longest, in characters."""
TIMES, REPLACED, ELSEWHERE = 3, 0.5, 0.7
"""How often each line is mixed; the share of its words that are replaced if the dictionary has them; and how
many of these go to any language, not to the pivot."""
BLANK = "▁"
"""What stands for a blank in a piece."""
NORM = 2.0
"""Length of the pieces' vectors at the start: long ones move little in training."""
SPECIAL = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


@dataclass(frozen=True)
class Texts:
    """Lines of each language.

    Attributes
    ----------
    plain : dict of list of str
        Of `text/`; of `parallel/` where a language has no other.
    parallel : dict of list of str
        Line i is the same sentence in every language.
    """

    plain: dict[str, list[str]]
    parallel: dict[str, list[str]]


def read(kit: Path) -> Texts:
    """Read the texts of all languages."""
    parallel = {language: _lines(kit / "parallel" / f"{language}.txt.gz") for language in LANGUAGES}
    own = {language: kit / "text" / f"{language}.txt.gz" for language in LANGUAGES}
    plain = {
        language: _lines(path) if path.exists() else parallel[language] for language, path in own.items()
    }
    return Texts(
        {language: [line for line in lines if line.strip()] for language, lines in plain.items()}, parallel
    )


def _lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


class Mixer:
    """Replaces words of a line by their translations, through a dictionary from and to the pivot language."""

    def __init__(self, parallel: dict[str, list[str]], rng: random.Random) -> None:
        numbered = {language: corpus(lines, language) for language, lines in parallel.items()}
        self.rng = rng
        self.others = [language for language in numbered if language != PIVOT]
        self.outward: dict[str, Dictionary] = {}
        self.homeward: dict[str, Dictionary] = {}
        for language in self.others:
            found = dictionaries(numbered[PIVOT], numbered[language])
            self.outward[language], self.homeward[language] = found

    def mixed(self, line: str, language: str) -> str:
        """Return the line with some of its words in other languages."""
        return " ".join(self._word(word, language) for word in line.split())

    def _word(self, word: str, language: str) -> str:
        core = word.strip(MARKS)
        if not core or self.rng.random() >= REPLACED:
            return word
        english = core.lower() if language == PIVOT else self._chosen(self.homeward[language], core.lower())
        if language != PIVOT and self.rng.random() >= ELSEWHERE:
            return word.replace(core, english or core)
        other = self._chosen(self.outward[self.rng.choice(self.others)], english)
        return word.replace(core, other or (english if language != PIVOT else "") or core)

    def _chosen(self, words: Dictionary, word: str) -> str:
        known = words.get(word, [])
        return self.rng.choices([w for w, _ in known], [p for _, p in known])[0] if known else ""


def mixtures(texts: Texts) -> Iterator[str]:
    """Mix every line of every language that puts blanks between its words."""
    mixer = Mixer(texts.parallel, random.Random(SEED))
    for _ in range(TIMES):
        for language in LANGUAGES:
            if language not in UNSPACED:
                for line in texts.plain[language]:
                    mixed = mixer.mixed(line, language)
                    if mixed != line:
                        yield mixed


def write_tokenizer(texts: Texts, folders: Sequence[Path]) -> Tokenizer:
    """Train one tokeniser on as many lines of each language."""
    from transformers import PreTrainedTokenizerFast

    fewest = min(len(lines) for lines in texts.plain.values())
    rng = random.Random(SEED)
    lines = [line for language in LANGUAGES for line in rng.sample(texts.plain[language], fewest)]
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    tokenizer.normalizer = normalizers.NFKC()
    alphabet = _commonest(map(tokenizer.normalizer.normalize_str, lines))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits()]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        special_tokens=list(SPECIAL.values()),
        max_token_length=LONGEST,
        show_progress=False,
    )
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # so that the same lines give the same pieces
    tokenizer.train_from_iterator(lines, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B </s>", ends)
    whole = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],
        cls_token="<s>",
        sep_token="</s>",
        **SPECIAL,
    )
    for folder in folders:
        whole.save_pretrained(folder)
    return tokenizer


def _commonest(lines: Iterable[str]) -> list[str]:
    """Return the characters that may be pieces: the trainer would draw among equally common ones."""
    counts = Counter(chain.from_iterable(lines))
    del counts[" "], counts[BLANK]
    return [BLANK, *sorted(counts, key=lambda character: (-counts[character], character))[: CHARACTERS - 1]]


def aligned(tokenizer: Tokenizer, parallel: dict[str, list[str]], width: int) -> NDArray[np.float64]:
    """Return a vector for each piece, such that pieces of sentences that are translations lie together.

    The pieces by the parallel sentences in which they stand, in whatever language, by positive pointwise
    mutual information, in `width` dimensions: cross-lingual latent semantic indexing (Levy, Soegaard and
    Goldberg 2017, "A strong baseline for learning cross-lingual word embeddings from sentence alignments").
    """
    pieces: list[int] = []
    sentences: list[int] = []
    for lines in parallel.values():
        for sentence, encoding in enumerate(tokenizer.encode_batch(lines, add_special_tokens=False)):
            found = set(encoding.ids)
            pieces += found
            sentences += [sentence] * len(found)
    shape = (tokenizer.get_vocab_size(), max(sentences) + 1)
    counts = sparse.coo_array(sparse.csr_array((np.ones(len(pieces)), (pieces, sentences)), shape=shape))
    row, column = counts.coords
    by_piece, by_sentence = counts.sum(axis=1), counts.sum(axis=0)
    information = np.log(counts.data * counts.sum() / (by_piece[row] * by_sentence[column]))
    positive = sparse.csr_array((np.maximum(information, 0.0), (row, column)), shape=shape)
    left, strength, _ = svds(positive, k=width, rng=np.random.default_rng(SEED))
    largest = np.take_along_axis(left, np.abs(left).argmax(axis=0, keepdims=True), axis=0)
    vectors = left * np.sign(largest) * np.sqrt(strength)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return NORM * vectors / np.maximum(length, 1e-9)


def write_encoders(folder: Path, tokenizer: Tokenizer, parallel: dict[str, list[str]]) -> None:
    """Write two small encoders of different architecture and shape: chance, but for the pieces' vectors."""
    import torch
    from transformers import AutoModel, BertConfig, RobertaConfig

    pieces = tokenizer.get_vocab_size()

    common = {
        "vocab_size": pieces,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "type_vocab_size": 1,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    deep = {"num_hidden_layers": 3, "hidden_size": 128, "num_attention_heads": 4, "intermediate_size": 512}
    wide = {"num_hidden_layers": 2, "hidden_size": 192, "num_attention_heads": 6, "intermediate_size": 768}
    configurations = {
        DEEP: BertConfig(**common, **deep, max_position_embeddings=160),
        WIDE: RobertaConfig(**common, **wide, max_position_embeddings=162),
    }
    for name, configuration in configurations.items():
        torch.manual_seed(SEED)
        model = AutoModel.from_config(configuration, add_pooling_layer=False)
        vectors = torch.from_numpy(aligned(tokenizer, parallel, configuration.hidden_size)).float()
        special = len(SPECIAL)
        with torch.no_grad():
            model.get_input_embeddings().weight[special:] = vectors[special:]
        model.save_pretrained(folder / name)


def main(kit: Path, here: Path) -> None:
    """Write all, and say what came of it."""
    texts = read(kit)
    (here / "tasks" / "texts").mkdir(parents=True, exist_ok=True)
    plain = [line for lines in texts.plain.values() for line in lines]
    mixed = list(mixtures(texts))
    for name, lines in (("plain", plain), ("mixed", mixed)):
        (here / "tasks" / "texts" / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")
        print(f"{len(lines):,} {name} lines in {len(LANGUAGES)} languages")
    tokenizer = write_tokenizer(texts, [here / "made" / name for name in (DEEP, WIDE)])
    write_encoders(here / "made", tokenizer, texts.parallel)
    print(f"a tokeniser of {tokenizer.get_vocab_size():,} pieces")
    print(f"written: {here / 'tasks' / 'texts'} {here / 'made'}")


def found_kit() -> Path:
    """Return the first folder of TASKORDER_DATA that holds parallel lines."""
    named = os.environ.get("TASKORDER_DATA", "").split(os.pathsep)
    for folder in map(Path, filter(None, named)):
        if (folder / "parallel").is_dir():
            return folder
    sys.exit(
        "no folder of TASKORDER_DATA has parallel/: name the folder that holds text/ and parallel/ in it"
    )


if __name__ == "__main__":
    main(found_kit(), Path(__file__).parent)

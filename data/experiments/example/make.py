"""Make the example's data: invented languages, texts of five tasks in them, an encoder without weights.

The seed alone decides what is written beside this file: the texts into `tasks/texts/`, the configuration and
the tokeniser of the encoder into `made/tiny-encoder/`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

SEED = 2026
CONSONANTS, VOWELS = "bdfghjklmnprstvwxz", "aeiou"
OBJECT = "n"
"""The ending of what something is done to, and of its quality, in the oldest language."""
SIZES = {
    "person": 12,
    "animal": 12,
    "thing": 12,
    "speak": 8,
    "move": 8,
    "stay": 8,
    "good": 8,
    "bad": 8,
    "colour": 8,
}
"""How many words there are of each class."""
DEEDS = {"person": "speak", "animal": "move", "thing": "stay"}
"""The class of verbs that goes with each class of nouns."""
NOUNS, QUALITIES = tuple(DEEDS), ("good", "bad", "colour")


@dataclass(frozen=True, slots=True)
class Language:
    """A language that came from the oldest one.

    Attributes
    ----------
    changes : mapping of str to str
        Sounds, and what has become of them in all words.
    replaced : float
        Part of the words that have given way to others; 1 for a language of no relation.
    verb_last : bool
        Whether the verb has moved to the end.
    """

    changes: Mapping[str, str]
    replaced: float = 0.0
    verb_last: bool = False


OLDEST = "qaa"
FAMILY = {
    OLDEST: Language({}),
    "qab": Language({"p": "f"}),
    "qac": Language({"p": "f", "k": "h", "e": "i"}, replaced=0.05),
    "qad": Language({"p": "f", "k": "h", "e": "i", "t": "d", "s": "z"}, replaced=0.15),
    "qae": Language({"p": "b", "k": "g", "o": "u", "t": "d", "s": "x"}, replaced=0.3, verb_last=True),
    "qaf": Language({}, replaced=1.0, verb_last=True),
}
"""From near to far; the codes are those that ISO 639 leaves to everyone's own use."""

type Lexicon = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Word:
    """A word in a sentence: its form, its class, and its part in the sentence."""

    form: str
    kind: str
    role: str


def lexicon(rng: random.Random) -> Lexicon:
    """Invent words of two syllables, no two of them alike."""
    syllables = ["".join(pair) for pair in product(CONSONANTS, VOWELS)]
    forms = iter(rng.sample(["".join(pair) for pair in product(syllables, syllables)], sum(SIZES.values())))
    return {kind: [next(forms) for _ in range(size)] for kind, size in SIZES.items()}


def descended(words: Lexicon, language: Language, rng: random.Random) -> Lexicon:
    """Let the words of the oldest language become those of another."""
    others, sounds = lexicon(rng), str.maketrans(dict(language.changes))
    return {
        kind: [
            (others[kind][i] if rng.random() < language.replaced else form).translate(sounds)
            for i, form in enumerate(forms)
        ]
        for kind, forms in words.items()
    }


class Speaker:
    """Says sentences of one language: [quality] subject verb [quality] object."""

    def __init__(self, words: Lexicon, language: Language, seed: str) -> None:
        self.words, self.language, self.rng = words, language, random.Random(seed)

    def word(self, kind: str, role: str, ending: str = "") -> Word:
        """Say any word of a class."""
        return Word(self.rng.choice(self.words[kind]) + ending, kind, role)

    def named(self, kind: str, role: str, qualities: Sequence[str] = QUALITIES) -> list[Word]:
        """Say a noun, half of the time with a quality."""
        ending = OBJECT if role == "object" else ""
        quality = (
            [self.word(self.rng.choice(qualities), "quality", ending)] if self.rng.random() < 0.5 else []
        )
        return [*quality, self.word(kind, role, ending)]

    def deed(self, kind: str, qualities: Sequence[str] = QUALITIES) -> list[Word]:
        """Say what is done, of a class of verbs, and to what."""
        verb = [self.word(kind, "verb")]
        done_to = self.named(self.rng.choice(NOUNS), "object", qualities)
        return [*done_to, *verb] if self.language.verb_last else [*verb, *done_to]

    def sentence(self, subject: str, qualities: Sequence[str] = QUALITIES) -> list[Word]:
        """Say a sentence about something of a class."""
        return [*self.named(subject, "subject", qualities), *self.deed(DEEDS[subject], qualities)]


def text(words: Sequence[Word]) -> str:
    """Join words."""
    return " ".join(word.form for word in words)


def mood(speaker: Speaker, number: int) -> str:
    """Tell whether what is told is good or bad, which the qualities say."""
    kind, words = ("good", "bad")[number % 2], list[Word]()
    while not any(word.kind == kind for word in words):
        words = speaker.sentence(speaker.rng.choice(NOUNS), [kind])
    return f"{text(words)}\t{kind}\n"


def kinds(speaker: Speaker, number: int) -> str:
    """Name the class of each word."""
    words = speaker.sentence(NOUNS[number % 3])
    names = dict.fromkeys(DEEDS.values(), "deed") | dict.fromkeys(QUALITIES, "quality")
    return "".join(f"{word.form}\t{names.get(word.kind, word.kind)}\n" for word in words) + "\n"


def sound(speaker: Speaker, number: int) -> str:
    """Tell which of two sentences is put together as it should be; in the other the words are shuffled."""
    words = speaker.sentence(NOUNS[number % 3])
    other = list(words)
    while other == words:
        speaker.rng.shuffle(other)
    choices = [text(words), text(other)]
    right = speaker.rng.randrange(2)
    return json.dumps({"choices": choices if right == 0 else choices[::-1], "label": right}) + "\n"


def doer(speaker: Speaker, number: int) -> str:
    """Tell whether it is a person, an animal or a thing that does something: it comes first."""
    return f"{text(speaker.sentence(NOUNS[number % 3]))}\t{NOUNS[number % 3]}\n"


def roles(speaker: Speaker, number: int) -> str:
    """Name the part that each word has in the sentence."""
    words = speaker.sentence(NOUNS[number % 3])
    return "".join(f"{word.form}\t{word.role}\n" for word in words) + "\n"


@dataclass(frozen=True, slots=True)
class Texts:
    """How the texts of a task are made: an example by its number, the files' ending and head, how many."""

    example: Callable[[Speaker, int], str]
    suffix: str
    head: str
    train: int
    target: bool


TASKS = {
    "mood": Texts(mood, "tsv", "text\tlabel\n", 400, target=False),
    "kinds": Texts(kinds, "txt", "", 400, target=False),
    "sound": Texts(sound, "jsonl", "", 240, target=False),
    "doer": Texts(doer, "tsv", "text\tlabel\n", 100, target=True),
    "roles": Texts(roles, "txt", "", 40, target=True),
}
DEV, TEST = 150, 240


def write_texts(folder: Path) -> dict[str, float]:
    """Write all texts; return which part of its words each other language shares with the oldest."""
    folder.mkdir(parents=True, exist_ok=True)
    oldest = lexicon(random.Random(SEED))
    spoken = {
        code: descended(oldest, language, random.Random(f"{SEED} {code}"))
        for code, language in FAMILY.items()
    }
    for name, task in TASKS.items():
        files = [("train", OLDEST, task.train), ("dev", OLDEST, DEV)]
        files += [("test", code, TEST) for code in FAMILY if task.target]
        for split, code, count in files:
            speaker = Speaker(spoken[code], FAMILY[code], f"{SEED} {name} {split} {code}")
            content = task.head + "".join(task.example(speaker, number) for number in range(count))
            (folder / f"{name}.{split}.{code}.{task.suffix}").write_text(
                content, encoding="utf-8", newline=""
            )
    words = {code: [form for forms in of.values() for form in forms] for code, of in spoken.items()}
    return {
        code: sum(a == b for a, b in zip(words[code], words[OLDEST], strict=True)) / len(words[code])
        for code in FAMILY
        if code != OLDEST
    }


def write_encoder(folder: Path) -> None:
    """Write the configuration of a small encoder, and a tokeniser of syllables and letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, PreTrainedTokenizerFast

    special = {
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    letters = sorted(CONSONANTS + VOWELS + "cqy")
    pieces = letters + ["".join(pair) for pair in product(CONSONANTS, VOWELS)]
    vocabulary = {
        piece: i for i, piece in enumerate([*special.values(), *pieces, *(f"##{p}" for p in pieces)])
    }
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[(token, vocabulary[token]) for token in ("<s>", "</s>")],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **special,
    ).save_pretrained(folder)
    BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=48,
        pad_token_id=vocabulary["<pad>"],
    ).save_pretrained(folder)


def main(folder: Path) -> None:
    """Write all into a folder, and say what came of it."""
    texts, encoder = folder / "tasks" / "texts", folder / "made" / "tiny-encoder"
    shared = write_texts(texts)
    write_encoder(encoder)
    print(f"Words that are those of {OLDEST}: {', '.join(f'{code} {shared[code]:.0%}' for code in shared)}")
    print(f"written: {len(list(texts.iterdir()))} files in tasks/texts/, and made/tiny-encoder/")


if __name__ == "__main__":
    main(Path(__file__).parent)

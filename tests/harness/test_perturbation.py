import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskorder.errors import InvalidExperiment
from taskorder.harness.examples import (
    ChoiceExample,
    Example,
    LineExample,
    PairExample,
    SpanExample,
    TextExample,
    TokensExample,
)
from taskorder.harness.noise import writing
from taskorder.harness.noise.changes import NOISES
from taskorder.harness.noise.keyboards import neighbours
from taskorder.harness.noise.perturbation import Perturbation, applies, parse, perturbed
from taskorder.harness.tasks.file import SPLITS
from taskorder.harness.tasks.task import read_task
from taskorder.paths import resource

LANGUAGES = (
    "en",
    "de",
    "fr",
    "tr",
    "ru",
    "el",
    "ar",
    "he",
    "hi",
    "ta",
    "th",
    "my",
    "ka",
    "ko",
    "ja",
    "zh",
    "am",
)

ALPHABETS = {
    "latin": "abcdefgzABZéüñßøıİłǆạ́" + "e\u0301o\u0323\u0302",
    "cyrillic": "абвгйёїщЪЯ" + "а\u0301",
    "greek": "αβγσςάΐΩΆ",
    "arabic": "ابتثجحخآأ" + "ك\u0651\u064eل\u0650",
    "hebrew": "אבגדםןת" + "ש\u05c1\u05b8",
    "devanagari": "कखगनअइ" + "कि्षाँड\u093c",
    "tamil": "கஙசஅஆகொக்ஷௌ",
    "thai": "กขคงเแะาำก่ั้ี",
    "myanmar": "ကခဂမြန်မာ",
    "hangul": "한국어힣가" + "ㄱㅏ" + "\u1112\u1161\u11ab",
    "georgian": "ქართული",
    "ethiopic": "ሀሁሂአማ፡።",
    "han": "中文字漢語𠀀",
    "kana": "ひらがなカタカナー" + "か\u3099",
    "rest": " \t\n\u00a0  .,;!?-'’«»()%3 7๕٣\u200c\u200d\u200b\ufeff😀👍🏽🇩🇪\ufe0f،。、।",
}
TEXTS = st.one_of(
    *(st.text(letters + ALPHABETS["rest"], max_size=60) for letters in ALPHABETS.values()),
    st.text("".join(ALPHABETS.values()), max_size=60),
    st.text(max_size=40),
)
WORDS = TEXTS.map(lambda text: "".join(text.split()) or "x")
KINDS = st.sampled_from(sorted(NOISES))
PERTURBATIONS = st.builds(Perturbation, KINDS, st.sampled_from([0.05, 0.1, 0.3, 0.5, 1.0]))
LANGUAGE = st.sampled_from(LANGUAGES)
SEEDS = st.integers(0, 2**32)


def one(example: Example, perturbation: Perturbation, language: str = "en", seed: int = 0) -> Example:
    return perturbed([example], perturbation, language=language, seed=seed)[0]


def text_of(text: str, perturbation: str, language: str = "en", seed: int = 0) -> str:
    found = one(TextExample("1", text, None, "x"), parse(perturbation), language, seed)
    assert isinstance(found, TextExample)
    return found.text


def is_mark(letter: str) -> bool:
    return unicodedata.category(letter)[0] == "M"


def orphans(text: str) -> int:
    """Count marks that begin a text or follow what is no letter, nor a mark, nor a joiner."""
    return sum(
        is_mark(letter) and not (is_mark(before) or before.isalnum() or before in "\u200c\u200d")
        for before, letter in pairwise("\n" + text)
    )


# --- what can be asked for ---


def test_a_perturbation_is_a_name_and_a_severity() -> None:
    assert parse("typos:0.1") == Perturbation("typos", 0.1)
    assert parse("case") == Perturbation("case", NOISES["case"].severity)
    assert all(parse(str(Perturbation(name, 0.125))) == Perturbation(name, 0.125) for name in NOISES)


def test_an_unknown_perturbation_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidExperiment, match=r"'typo:0.1'.*allowed: typos, case.*Did you mean 'typos'"):
        parse("typo:0.1")


@pytest.mark.parametrize("text", ["typos:0", "typos:-0.1", "typos:1.1", "typos:nan", "typos:", "typos:much"])
def test_a_severity_is_above_zero_and_at_most_one(text: str) -> None:
    with pytest.raises(InvalidExperiment, match="above 0 and at most 1"):
        parse(text)


def test_lines_are_refused() -> None:
    with pytest.raises(InvalidExperiment, match="language modelling"):
        one(LineExample("7", "a line"), parse("typos"))


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        ("case", "zh", False),
        ("case", "ka", False),
        ("case", "ru", True),
        ("diacritics", "hi", False),
        ("diacritics", "ko", False),
        ("diacritics", "ar", True),
        ("diacritics", "vi", True),
        ("case", "sr-Latn", True),
        ("case", "hi-Latn", True),
        ("case", "qqx", True),
        ("typos", "zh", True),
    ],
)
def test_some_scripts_have_no_case_or_no_accents(name: str, language: str, expected: bool) -> None:
    assert applies(parse(name), language) is expected


# --- what holds for any text ---


@given(TEXTS)
def test_pieces_make_the_text(text: str) -> None:
    for noise in NOISES.values():
        pieces = noise.cut(text)
        assert "".join(pieces) == text
        assert all(pieces)


@given(TEXTS)
@example("\u1112\uac00")
def test_characters_are_no_smaller_than_unicode_says(text: str) -> None:
    regex = pytest.importorskip("regex", reason="an oracle, installed with transformers")
    theirs = set(accumulate(map(len, regex.findall(r"\X", text))))
    for end in accumulate(map(len, writing.characters(text))):
        before, after = text[end - 1], text[end : end + 1]
        joined_on_purpose = (
            unicodedata.category(before) in {"Cf", "So", "Sk"}
            or before in "\r\u200d"
            or unicodedata.combining(before) == 9
            or "\u1100" <= before <= "\u115f"
            or "\ua960" <= before <= "\ua97c"
        )
        assert end in theirs or joined_on_purpose or not after


@given(TEXTS, PERTURBATIONS, LANGUAGE, SEEDS)
@example(";\u1161", Perturbation("punctuation", 0.05), "en", 0)
@example("; \u0e33", Perturbation("punctuation", 0.3), "en", 4_294_967_296)
@settings(max_examples=400)
def test_any_text_keeps_words_and_its_marks_on_their_letters(
    text: str, perturbation: Perturbation, language: str, seed: int
) -> None:
    found = one(TextExample("1", text, None, "x"), perturbation, language, seed)
    assert isinstance(found, TextExample)
    assert writing.is_word(found.text) == writing.is_word(text)
    assert bool(found.text.strip()) == bool(text.strip())
    assert orphans(found.text) <= orphans(text)
    assert found == one(TextExample("1", text, None, "x"), perturbation, language, seed)


@given(st.lists(TEXTS, min_size=2, max_size=6), PERTURBATIONS, SEEDS, st.randoms())
def test_neither_order_nor_company_matters(
    texts: list[str], perturbation: Perturbation, seed: int, random: "np.random.Generator"
) -> None:
    examples = [TextExample(str(i), text, text[::-1], "x") for i, text in enumerate(texts)]
    whole = perturbed(examples, perturbation, language="en", seed=seed)
    order = list(range(len(examples)))
    random.shuffle(order)
    again = perturbed([examples[i] for i in order], perturbation, language="en", seed=seed)
    assert [whole[i] for i in order] == list(again)
    assert whole[-1:] == perturbed(examples[-1:], perturbation, language="en", seed=seed)


def test_another_process_and_the_other_hash_seed_give_the_same() -> None:
    program = (
        "from taskorder.harness.noise.perturbation import *; from taskorder.harness.examples import *\n"
        "e = [TextExample('a', 'Größere Änderungen, wie 中文字語 das Wetter отпуск', None, 'x')]\n"
        "print([ascii(perturbed(e, parse(n), language='de', seed=3)[0].text)"
        " for n in ('typos:0.5', 'case', 'word-drop:0.3', 'word-swap:0.5', 'punctuation')])"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout != b"", runs[0].stderr


def test_seed_id_and_perturbation_each_matter() -> None:
    text = "the quick brown fox jumps over the lazy dog and runs away from all of them " * 3
    made = {
        text_of(text, "typos:0.1"),
        text_of(text, "typos:0.1", seed=1),
        text_of(text, "typos:0.2"),
        *texts(one(TextExample("2", text, None, "x"), parse("typos:0.1"))),
    }
    assert len(made) == 4


# --- labels, answers and choices ---


@st.composite
def sentences(draw: st.DrawFn) -> TokensExample:
    """Words with labels of entities, valid BIO."""
    words: list[str] = []
    labels: list[str] = []
    for kind in draw(st.lists(st.sampled_from(["O", "O", "O", "PER", "LOC"]), min_size=1, max_size=12)):
        size = 1 if kind == "O" else draw(st.integers(1, 4))
        words += [draw(WORDS) for _ in range(size)]
        labels += ["O"] if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
    return TokensExample("s", tuple(words), tuple(labels))


def is_bio(labels: Sequence[str]) -> bool:
    return all(
        not label.startswith("I-") or before in (f"B-{label[2:]}", label)
        for before, label in pairwise(["O", *labels])
    )


def entities(example: TokensExample) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for word, label in zip(example.words, example.labels, strict=True):
        if label.startswith("B-"):
            found.append((label[2:], []))
        if label != "O":
            found[-1][1].append(word)
    return found


@given(sentences(), PERTURBATIONS, LANGUAGE, SEEDS)
@settings(max_examples=400)
def test_words_and_labels_stay_together(
    example: TokensExample, perturbation: Perturbation, language: str, seed: int
) -> None:
    numbered = replace(example, labels=tuple(f"{i}" for i in range(len(example.words))))
    found = one(example, perturbation, language, seed)
    assert isinstance(found, TokensExample)
    assert found.id == example.id
    assert len(found.words) == len(found.labels) > 0
    assert all(word.strip() for word in found.words)
    assert is_bio(found.labels)
    if perturbation.name in {"typos", "case", "diacritics"}:
        assert found.labels == example.labels
    if perturbation.name in {"word-drop", "word-swap"}:
        traced = one(numbered, perturbation, language, seed)
        assert isinstance(traced, TokensExample)
        assert [example.words[int(label)] for label in traced.labels] == list(traced.words)


@given(sentences(), SEEDS)
def test_swapped_words_leave_entities_of_the_same_words(example: TokensExample, seed: int) -> None:
    found = one(example, Perturbation("word-swap", 1.0), seed=seed)
    assert isinstance(found, TokensExample)
    assert sorted((kind, sorted(words)) for kind, words in entities(found)) == sorted(
        (kind, sorted(words)) for kind, words in entities(example)
    )


@given(sentences(), SEEDS)
def test_dropped_words_never_join_two_entities(example: TokensExample, seed: int) -> None:
    numbered = replace(example, words=tuple(f"w{i}" for i in range(len(example.words))))
    found = one(numbered, parse("word-drop:0.5"), seed=seed)
    assert isinstance(found, TokensExample)
    whole = [set(words) for _, words in entities(numbered)]
    parts = [set(words) for _, words in entities(found)]
    assert all(sum(part <= entity for entity in whole) == 1 for part in parts)
    assert len(parts) == sum(any(part <= entity for part in parts) for entity in whole)


def test_an_entity_that_lost_its_first_word_begins_with_the_next() -> None:
    example = TokensExample(
        "1", ("in", "New", "York", "City", "today"), ("O", "B-LOC", "I-LOC", "I-LOC", "O")
    )
    made = [one(example, parse("word-drop:0.4"), seed=seed) for seed in range(200)]
    found = {(m.words, m.labels) for m in made if isinstance(m, TokensExample)}
    assert (("in", "York", "City"), ("O", "B-LOC", "I-LOC")) in found
    assert (("in", "New", "City"), ("O", "B-LOC", "I-LOC")) in found
    assert (("York", "City", "today"), ("B-LOC", "I-LOC", "O")) in found


def test_all_words_but_one_may_go() -> None:
    found = one(TokensExample("1", ("a", "b", "c"), ("X", "Y", "Z")), parse("word-drop:1"))
    assert isinstance(found, TokensExample)
    assert len(found.words) == 1
    assert {"a": "X", "b": "Y", "c": "Z"}[found.words[0]] == found.labels[0]
    assert len(text_of("one two three", "word-drop:1").split()) == 1


@st.composite
def questions(draw: st.DrawFn) -> SpanExample:
    context = draw(TEXTS)
    answers: list[tuple[str, int]] = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(context)))
        stop = draw(st.integers(start, len(context)))
        answers.append((context[start:stop], start))
    return SpanExample("q", draw(TEXTS), context, tuple(answers))


@given(questions(), PERTURBATIONS, LANGUAGE, SEEDS)
@settings(max_examples=600)
def test_answers_stay_in_place(
    example: SpanExample, perturbation: Perturbation, language: str, seed: int
) -> None:
    found = one(example, perturbation, language, seed)
    assert isinstance(found, SpanExample)
    assert [text for text, _ in found.answers] == [text for text, _ in example.answers]
    for text, start in found.answers:
        assert 0 <= start <= len(found.context)
        assert found.context[start : start + len(text)] == text
    assert orphans(found.context) <= orphans(example.context)


def test_an_answer_stays_the_same_occurrence() -> None:
    context = "Paris was cold. He left Paris, and then Paris left him."
    example = SpanExample("q", "What did he leave?", context, (("Paris", context.index("Paris,")),))
    for seed in range(50):
        found = one(example, parse("word-drop:0.3"), seed=seed)
        assert isinstance(found, SpanExample)
        assert found.context[: found.answers[0][1] + 6].endswith("Paris,")


@given(st.lists(TEXTS, min_size=2, max_size=4, unique=True), TEXTS, TEXTS, PERTURBATIONS, LANGUAGE, SEEDS)
def test_choices_stay_different_and_in_order(
    choices: list[str], prompt: str, question: str, perturbation: Perturbation, language: str, seed: int
) -> None:
    example = ChoiceExample("c", prompt, question, tuple(choices), 1)
    found = one(example, perturbation, language, seed)
    assert isinstance(found, ChoiceExample)
    assert (found.id, found.label, len(set(found.choices))) == ("c", 1, len(choices))


def test_texts_sources_prompts_and_choices_are_all_changed() -> None:
    sentence = "a quick brown fox jumps over some lazy dog"
    noise = parse("typos:0.5")
    text = one(TextExample("1", sentence, sentence, 2.5), noise)
    pair = one(PairExample("1", sentence, sentence, gold=False), noise)
    choice = one(ChoiceExample("1", sentence, sentence, (sentence, "another " + sentence), 0), noise)
    assert isinstance(text, TextExample) and isinstance(pair, PairExample)
    assert isinstance(choice, ChoiceExample)
    assert sentence not in (text.text, text.text2, pair.source, choice.prompt, choice.question)
    assert sentence not in choice.choices
    assert (text.label, pair.target, pair.gold) == (2.5, sentence, False)
    assert text.text != text.text2


# --- how much is changed ---


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Edits between two texts: substitutions, insertions, deletions and exchanges of neighbours."""
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


@pytest.mark.parametrize(
    ("language", "alphabet"),
    [
        ("en", "abcdefghijklmnopqrstuvwxyz"),
        ("ru", "абвгдежзиклмнопрстуфхцчшыэюя"),
        ("hi", ["क", "ति", "नु", "म", "सा", "र्", "अ", "ड़"]),
        ("ko", "한국어문장가나다라마바사"),
        ("zh", "中文字漢語天地玄黃宇宙洪荒"),
        ("th", "กขคงจดตนบปพฟม"),
        ("am", "ሀለሐመሠረሰሸቀበተ"),
    ],
)
@pytest.mark.parametrize("severity", [0.05, 0.1, 0.2])
def test_typos_touch_the_share_of_letters_that_is_asked_for(
    language: str, alphabet: Sequence[str], severity: float
) -> None:
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list(alphabet), size=6)) for _ in range(80)]
    before, letters = " ".join(words), 480
    after = text_of(before, f"typos:{severity}", language)
    edits = distance(
        [unicodedata.normalize("NFC", c) for c in writing.characters(before)],
        [unicodedata.normalize("NFC", c) for c in writing.characters(after)],
    )
    assert 0.85 * severity * letters - 1 <= edits <= severity * letters + 1


WORDY = " ".join(f"word{i}" for i in range(1000))


def test_the_share_of_words_dropped_swapped_and_turned() -> None:
    assert len(text_of(WORDY, "word-drop:0.1").split()) == 900
    assert len(text_of(WORDY, "word-drop:0.25").split()) == 750
    before = WORDY.split()
    for severity in (0.1, 0.5, 1.0):
        after = text_of(WORDY, f"word-swap:{severity}").split()
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1000 * severity
        assert sorted(after) == sorted(before)
        assert all(abs(before.index(word) - i) <= 1 for i, word in enumerate(after))
        after = text_of(WORDY, f"case:{severity}").split()
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1000 * severity


def test_shares_of_short_texts_are_right_on_average() -> None:
    texts = [text_of("one two three", "word-drop:0.1", seed=seed) for seed in range(2000)]
    dropped = sum(3 - len(text.split()) for text in texts)
    expected, sd = 600, (2000 * 0.3 * 0.7) ** 0.5
    assert abs(dropped - expected) < 4 * sd
    assert len(set(texts)) == 4


def test_punctuation_goes_and_as_much_comes_elsewhere() -> None:
    before = "One two, three. Four five; six! Seven eight? " * 20
    after = text_of(before, "punctuation:0.5")
    signs = [
        sum(not letter.isalnum() and not letter.isspace() for letter in text) for text in (before, after)
    ]
    assert signs == [100, 100]
    assert sum(f"{sign} " in after for sign in ".!?") == 3
    assert after.count(". ") + after.count("! ") + after.count("? ") < 60
    assert text_of("Hello, world!", "punctuation:1").count(",") <= 1


# --- scripts ---


def test_each_language_has_its_keyboard() -> None:
    assert set("tu") <= set(neighbours("z", "de"))
    assert set("as") <= set(neighbours("z", "en"))
    assert set("za") <= set(neighbours("q", "fr")) | set(neighbours("a", "fr"))
    assert set("ğp") & set(neighbours("o", "tr")) == {"p"}
    assert set("уе") <= set(neighbours("к", "ru"))
    assert "ख" in neighbours("क", "hi") and "খ" not in neighbours("क", "hi")
    assert "ঘ" not in neighbours("ক", "hi") and "গ" in neighbours("ক", "bn")
    assert neighbours("中", "zh") == ()
    assert {"다", "사", "까", "거", "기"} <= set(neighbours("가", "ko"))
    assert "가" not in neighbours("가", "ko")


@given(st.characters(categories=["L"]), LANGUAGE)
@settings(max_examples=500)
def test_neighbours_are_letters_of_one_script_and_case(letter: str, language: str) -> None:
    for other in neighbours(letter, language):
        assert other != letter
        assert other.isalpha() and len(other) == 1
        assert writing.script(other) == writing.script(letter) or writing.script(letter) in {
            "KELVIN",
            "ANGSTROM",
        }


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("İstanbul", "tr", "istanbul"),
        ("ılık iyi", "tr", "ILIK İYİ"),
        ("iyi", "en", "IYI"),
        ("Straße groß", "de", "straße GROSS"),
        ("ΟΔΟΣ", "el", "οδος"),
        ("Москва река", "ru", "москва РЕКА"),
        ("中文 NBA", "zh", "中文 nba"),
        ("ქართული ენა", "ka", "ქართული ენა"),
        ("हिन्दी भाषा", "hi", "हिन्दी भाषा"),
    ],
)
def test_case_is_turned_as_the_language_does(text: str, language: str, expected: str) -> None:
    assert text_of(text, "case:1", language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Việt Nam, ọ̀rọ̀ Yorùbá, Đà Lạt", "Viet Nam, oro Yoruba, Da Lat"),
        ("Größe façade señor ışık Łódź", "Große facade senor isik Lodz"),
        ("Η Ελλάδα, ΐδιος", "Η Ελλαδα, ιδιος"),
        ("ёлка и йод, за\u0301мок, їжак, ѓ", "елка и йод, замок, їжак, ѓ"),
        ("كِتَابٌ أحمد آن مُؤمِن", "كتاب أحمد آن مؤمن"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी ड़ कि", "हिन्दी ड़ कि"),
        ("ภาษาไทยที่นี่", "ภาษาไทยที่นี่"),
        ("한국어", "한국어"),
        ("がぎぐ か\u3099", "がぎぐ か\u3099"),
        ("தமிழ் မြန်မာ", "தமிழ் မြန်မာ"),
    ],
)
def test_only_accents_and_vowel_points_are_taken_off(text: str, expected: str) -> None:
    assert text_of(text, "diacritics:1") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't pay 3.5 or 1,000", "don't pay 3.5 or 1,000"),
        ("你好，世界。", "你好世界"),
        ("ሰላም፣ ዓለም።", "ሰላም ዓለም"),
        ("a , b .", "a b"),
        ("«Oui», dit-il", "Oui dit-il"),
    ],
)
def test_punctuation_is_what_stands_between_words(text: str, expected: str) -> None:
    found = text_of(text, "punctuation:1")
    assert "".join(letter for letter in found if letter not in ",;，；፣፤") == "".join(
        letter for letter in expected if letter not in ",;，；፣፤"
    )


@pytest.mark.parametrize("text", ["今天天气很好", "今日はいい天気", "วันนี้อากาศดี", "ဒီနေ့ရာသီ"])
def test_without_blanks_every_character_is_a_word(text: str) -> None:
    pieces = writing.characters(text)
    assert writing.words(text) == pieces
    dropped = text_of(text, "word-drop:0.5")
    assert 0 < len(writing.characters(dropped)) <= len(pieces) - len(pieces) // 2
    swapped = text_of(text, "word-swap:0.5")
    assert swapped != text and sorted(writing.characters(swapped)) == sorted(pieces)


def test_dropped_words_leave_no_double_blanks() -> None:
    for seed in range(100):
        found = text_of("one two three\nfour five", "word-drop:0.5", seed=seed)
        assert found == found.strip()
        assert "  " not in found


def test_noise_in_a_thousand_sentences_takes_less_than_seconds() -> None:
    text = "The quick brown fox jumps over the lazy dog; and runs away from all of them, why? " * 2
    examples = [TextExample(str(i), text[: 80 + i % 80], None, "x") for i in range(1000)]
    for name in NOISES:
        start = time.process_time()
        perturbed(examples, parse(name), language="en", seed=0)
        assert time.process_time() - start < 2


# --- the collected data ---


def evaluation_sets(kit: Path) -> Iterator[tuple[str, str, Sequence[Example]]]:
    """Yield all that tasks are evaluated on and that is in the kit, as (task, language, examples)."""
    for path in sorted(resource("data/tasks").glob("*.toml")):
        task = read_task(path, [kit])
        for split in SPLITS[1:] if task.kind != "lines" else ():
            for language, source in task.file.files_of(split).items():
                if all(any(kit.glob(file)) for file in source.paths):
                    yield task.name, language, task.examples(split, language)


def texts(example: Example) -> list[str]:
    match example:
        case TextExample(text=text):
            return [text]
        case TokensExample(words=words):
            return list(words)
        case SpanExample(question=question, context=context):
            return [question, context]
        case ChoiceExample(prompt=prompt, choices=choices):
            return [prompt, *choices]
        case PairExample(source=source):
            return [source]
        case LineExample(text=text):
            return [text]


def test_every_evaluation_set_of_the_kit_takes_every_perturbation(kit: Path) -> None:
    kinds: set[type] = set()
    sets = 0
    for name, language, examples in evaluation_sets(kit):
        sets += 1
        sample = examples[:: max(1, len(examples) // 12)]
        kinds.add(type(sample[0]))
        for noise in NOISES:
            found = perturbed(sample, parse(noise), language=language, seed=1)
            for before, after in zip(sample, found, strict=True):
                hold(before, after, f"{name} {noise} {before.id}")
            if noise == "typos":
                assert sum(a != b for a, b in zip(sample, found, strict=True)) > len(sample) / 2, name
    assert sets > 100
    assert kinds == {TextExample, TokensExample, SpanExample, ChoiceExample, PairExample}


def hold(before: Example, after: Example, where: str) -> None:
    assert (type(before), before.id) == (type(after), after.id), where
    assert sum(map(orphans, texts(after))) <= sum(map(orphans, texts(before))), where
    assert [bool(text.strip()) for text in texts(after)].count(False) <= [
        bool(text.strip()) for text in texts(before)
    ].count(False), where
    match before, after:
        case TextExample(), TextExample():
            assert before.label == after.label, where
        case TokensExample(), TokensExample():
            assert len(after.words) == len(after.labels) > 0, where
            assert is_bio(after.labels) or not is_bio(before.labels), where
        case SpanExample(), SpanExample():
            assert [text for text, _ in after.answers] == [text for text, _ in before.answers], where
            for text, start in after.answers:
                assert after.context[start : start + len(text)] == text, where
        case ChoiceExample(), ChoiceExample():
            assert (after.label, len(set(after.choices))) == (before.label, len(set(before.choices))), where
        case PairExample(), PairExample():
            assert (after.target, after.gold) == (before.target, before.gold), where
        case _:
            raise AssertionError(where)

"""How text is written: characters with their marks, words, gaps and punctuation; case; accents.

What cuts a text gives pieces that make the same text again when they are joined.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, lru_cache

SCANNED = (range(0x20000), range(0xE0000, 0xE0200))
"""Code points among which marks and punctuation are looked for: between them is nothing but Han."""

UNSPACED = (
    (0x0E01, 0x0E4E),  # Thai
    (0x0E81, 0x0ECD),  # Lao
    (0x1000, 0x103F),  # Myanmar
    (0x1050, 0x108F),
    (0x1780, 0x17D3),  # Khmer
    (0x3005, 0x3007),  # Han and kana
    (0x3041, 0x30FA),
    (0x30FC, 0x31FF),
    (0x3400, 0x9FFF),
    (0xA9E0, 0xA9EF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)
"""Letters of the scripts that put no blanks between words: each of them counts as a word."""

JOINERS = "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
"""What belongs to the character before it though no mark: joiners, Thai and Lao AM, halfwidth voicing."""
MODERN_JAMO = ((0x1160, 0x11FF), (0xD7B0, 0xD7FB))
"""Vowels and finals of Korean syllables that are written in parts."""
NOT_PUNCTUATION = "%‰‱&@#*/\\§¶†‡_་"
"""Of Unicode's punctuation: what is read aloud, and what stands between words as a blank does."""

DOTTED = {"tr", "az"}
"""Languages that tell i with a dot from i without."""


def characters(text: str) -> list[str]:
    """Cut a text into characters, each with its marks.

    The extended grapheme clusters of Unicode's annex 29, but for sequences of emoji, flags, conjuncts, line
    ends, and initial jamo before whole syllables, which are cut; and every spacing mark stays with its
    letter.
    """
    return list(text) if text.isascii() else _patterns()["characters"].findall(text)


def words(text: str) -> list[str]:
    """Cut a text into words, with the punctuation that touches them, and the gaps between them."""
    return _patterns()["words"].findall(text)


def words_and_punctuation(text: str) -> list[str]:
    """Cut a text into words, gaps, and marks of punctuation one by one."""
    return _patterns()["punctuation"].findall(text)


def is_gap(piece: str) -> bool:
    """Say whether a piece stands between words: blanks, or nothing; not a blank that a letter has joined."""
    return not piece or (piece[0].isspace() and not is_word(piece))


def is_word(piece: str) -> bool:
    """Say whether a piece holds a letter or a digit."""
    return piece.isalnum() or any(map(str.isalnum, piece))


def is_punctuation(piece: str) -> bool:
    """Say whether a piece is a mark of punctuation, and no letter has been joined to it."""
    if not piece or piece[0] in NOT_PUNCTUATION:
        return False
    return unicodedata.category(piece[0])[0] == "P" and not is_word(piece)


def is_spaced(letter: str) -> bool:
    """Say whether a letter or digit is of a script that puts blanks between words."""
    return letter < "\u0e01" or not any(first <= ord(letter) <= last for first, last in UNSPACED)


@lru_cache(2**14)
def script(letter: str) -> str:
    """Name the script of a letter, as Unicode's names of letters begin: ``LATIN``, ``CJK``."""
    return unicodedata.name(letter, "").split(" ")[0]


def lowered(text: str, language: str) -> str:
    """Write in small letters, as the language does."""
    if language.split("-")[0] in DOTTED:
        text = text.replace("I", "ı").replace("İ", "i")
    return text.lower()


def raised(text: str, language: str) -> str:
    """Write in capital letters, as the language does."""
    return (text.replace("i", "İ") if language.split("-")[0] in DOTTED else text).upper()


def with_other_case(word: str, language: str) -> str:
    """Take the capitals off a word that has any; write another one in capitals.

    Georgian is left as it is: its capitals are a recent style of print.
    """
    if not word.isascii() and any(
        "\u10a0" <= letter <= "\u10ff" or "\u1c90" <= letter <= "\u1cbf" for letter in word
    ):
        return word
    small = lowered(word, language)
    return small if small != word else raised(word, language)


LATIN_BARE = dict(zip("łđøħŧıɓɗƙƴɖŁĐØĦŦƁƊƘƳƉ", "ldohtibdkydLDOHTBDKYD", strict=True))
"""Letters whose stroke, hook or missing dot Unicode does not take for a mark, though those who write do."""


@lru_cache(2**14)
def without_accents(character: str) -> str:
    """Take accents off a character, and vowel points off Arabic and Hebrew letters.

    Latin and Greek lose all marks above, below and through a letter. Cyrillic loses stress marks and the dots
    of ё; й, ў, ї, ѓ and ќ are letters of their own. Arabic keeps hamza and madda. Other scripts keep all, for
    what Unicode calls a mark is a vowel, a tone or a consonant there.
    """
    base, *marks = unicodedata.normalize("NFD", character)
    left = [mark for mark in marks if not _is_accent(base, mark)]
    if len(left) == len(marks) and base not in LATIN_BARE:
        return character
    return unicodedata.normalize("NFC", LATIN_BARE.get(base, base) + "".join(left))


def _is_accent(base: str, mark: str) -> bool:
    if not unicodedata.combining(mark):
        return False
    match script(base):
        case "LATIN" | "GREEK" | "HEBREW":
            return True
        case "CYRILLIC":
            return (base in "еЕ" and mark == "\u0308") or (base not in "гкзсГКЗС" and mark in "\u0300\u0301")
        case "ARABIC":
            return "\u064b" <= mark <= "\u0652" or "\u0656" <= mark <= "\u065f" or mark == "\u0670"
        case _:
            return False


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    def is_mark(category: str) -> bool:
        return category[0] == "M"

    marks = f"[{_scanned(is_mark)}{JOINERS}\U0001f3fb-\U0001f3ff{_ranges(MODERN_JAMO)}]*"
    unspaced = _ranges(UNSPACED)
    alone = unspaced + _scanned(lambda category: category[0] == "P", but=NOT_PUNCTUATION)
    cuts = {
        "characters": rf"(?:[\u1100-\u115f\ua960-\ua97c]+|.){marks}",
        "words": rf"(?:\s{marks})+|[{unspaced}]{marks}|(?:[^\s{unspaced}]{marks})+",
        "punctuation": rf"(?:\s{marks})+|[{alone}]{marks}|(?:[^\s{alone}]{marks})+",
    }
    return {name: re.compile(cut, re.DOTALL) for name, cut in cuts.items()}


def _scanned(wanted: Callable[[str], bool], but: str = "") -> str:
    """Write the code points of the wanted general categories as the inside of a class of characters."""
    found = (
        point
        for part in SCANNED
        for point in part
        if wanted(unicodedata.category(chr(point))) and chr(point) not in but
    )
    runs: list[tuple[int, int]] = []
    for point in found:
        if runs and runs[-1][1] == point - 1:
            runs[-1] = (runs[-1][0], point)
        else:
            runs.append((point, point))
    return _ranges(runs)


def _ranges(runs: Iterable[tuple[int, int]]) -> str:
    return "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in runs)

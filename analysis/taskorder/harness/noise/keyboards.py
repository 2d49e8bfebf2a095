"""Which letters a finger hits by mistake: the neighbours of a letter's key, on the keyboard of its script.

Rows of a layer stand one half key to the right of the row above; a blank is a key without a letter of the
script. The layouts are the usual ones: QWERTY, QWERTZ, AZERTY, ЙЦУКЕН, InScript, Kedmanee, Dubeolsik.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from taskorder.harness.noise.writing import lowered, raised, script

type Layout = tuple[tuple[str, ...], ...]
"""Layers (without and with the shift key) of rows of keys."""

QWERTY: Layout = (("qwertyuiop", "asdfghjkl", "zxcvbnm"),)
QWERTZ: Layout = (("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),)
AZERTY: Layout = (("azertyuiop", "qsdfghjklm", "wxcvbn"),)
NORDIC: Layout = (("qwertyuiopå", "asdfghjklöä", "zxcvbnm"),)
SPANISH: Layout = (("qwertyuiop", "asdfghjklñ", "zxcvbnm"),)

LATIN: dict[str, Layout] = {
    "de": QWERTZ,
    "fr": AZERTY,
    "fi": NORDIC,
    "sv": NORDIC,
    "da": (("qwertyuiopå", "asdfghjklæø", "zxcvbnm"),),
    "no": (("qwertyuiopå", "asdfghjkløæ", "zxcvbnm"),),
    "et": (("qwertyuiopüõ", "asdfghjklöä", "zxcvbnm"),),
    "es": SPANISH,
    "eu": SPANISH,
    "qu": SPANISH,
    "tl": SPANISH,
    "pt": (("qwertyuiop", "asdfghjklç", "zxcvbnm"),),
    "it": (("qwertyuiopè", "asdfghjklòà", "zxcvbnm"),),
    "ro": (("qwertyuiopăî", "asdfghjklșțâ", "zxcvbnm"),),
    "tr": (("qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç"),),
    "hu": ((" qwertzuiopőú", " asdfghjkléáű", "íyxcvbnm"),),
}
"""By language; QWERTY for the others."""

RUSSIAN: Layout = (("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),)
CYRILLIC: dict[str, Layout] = {
    "uk": (("йцукенгшщзхї", "фівапролджє", "ячсмитьбю"),),
    "bg": ((" уеишщксдзц", "ьяаожгтнвмч", "юйъэфхпрлб"),),
    "kk": ((" әіңғ  үұқөһ", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),),
}
"""By language; the Russian layout for the others."""

ARABIC: Layout = (("ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر ىةوزظ"),)
ARABIC_SCRIPT: dict[str, Layout] = {
    "fa": (("ضصثقفغعهخحجچ", "شسیبلاتنمکگ", "ظطزرذدپو"),),
    "ur": (("قوعرتےءیہپ", "اسدفگحجکل", "زشچطبنم"),),
}
"""By language; the Arabic layout for the others."""

INSCRIPT: Layout = (
    ("ौैाीूबहगदजड", "ोे्िुपरकतचट", "ॆंमनवलस  य"),
    ("औऐआईऊभङघधझढञ", "ओएअइउफऱखथछठ", "ऎँणऩऴळशष"),
)
INSCRIPT_BLOCKS = (0x0900, 0x0980, 0x0A00, 0x0A80, 0x0B00, 0x0B80, 0x0C00, 0x0C80, 0x0D00)
"""Devanagari to Malayalam: letters of one sound have the same place in each block, and the same key."""

DUBEOLSIK: Layout = (
    ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),
    ("ㅃㅉㄸㄲㅆ   ㅒㅖ",),
)
OTHERS: tuple[Layout, ...] = (
    ((" ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),),
    (("  קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ"),),
    (("ქწერტყუიოპ", "ასდფგჰჯკლ", "ზხცვბნმ"), (" ჭ ღთ", " შ    ჟ", "ძ ჩ")),
    (
        ("ๅ  ภถุึคตจขช", "ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),
        ("            ", "  ฎฑธํ๊ณฯญฐ ", "ฤฆฏโฌ็๋ษศซ ", "  ฉฮฺ์ ฒฬฦ"),
    ),
    DUBEOLSIK,
)
"""Greek, Hebrew, Georgian, Thai and Korean."""

CONSONANTS = ((0x0E01, 0x0E2E), (0x0E81, 0x0EAE), (0x1000, 0x1020), (0x1780, 0x17A2), (0x3131, 0x314E))
"""Thai, Lao, Myanmar, Khmer, Korean; those of `INSCRIPT_BLOCKS` follow from the place in the block."""

FIRSTS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
"""What a Korean syllable consists of, in the order of Unicode's arithmetic (the standard, section 3.12)."""

NEAR = 3
"""Where no keyboard is known: so many code points up and down."""


@lru_cache(2**16)
def neighbours(letter: str, language: str) -> tuple[str, ...]:
    """Return what may be typed instead of a letter.

    Parameters
    ----------
    letter : str
        One code point.
    language : str
        Its code decides between keyboards of one script.

    Returns
    -------
    tuple of str
        Letters of the same script and case, consonants for a consonant where vowels are marks: those of the
        keys around it; for a letter with an accent that has no key, those around the bare letter; for a
        Korean syllable, syllables with one other part; where no keyboard is known, letters of near code
        points. Empty for Han, and where none is near.
    """
    small = lowered(letter, language)
    if small != letter:
        around = neighbours(small, language) if len(small) == 1 else ()
        capitals = (raised(other, language) for other in around)
        return tuple(other for other in capitals if other != letter and len(other) == 1)
    keys = _keys(language.split("-")[0])
    bare = unicodedata.normalize("NFD", letter)[0]
    return keys.get(letter) or keys.get(bare) or _syllables(letter, keys) or _near(letter)


@cache
def _keys(code: str) -> dict[str, tuple[str, ...]]:
    layouts = (
        LATIN.get(code, QWERTY),
        CYRILLIC.get(code, RUSSIAN),
        ARABIC_SCRIPT.get(code, ARABIC),
        *OTHERS,
        *(_moved(INSCRIPT, block - INSCRIPT_BLOCKS[0]) for block in INSCRIPT_BLOCKS),
    )
    return {
        letter: found
        for layout in layouts
        for letter, around in _around(layout)
        if (found := tuple(other for other in around if _alike(letter, other)))
    }


def _moved(layout: Layout, by: int) -> Layout:
    return tuple(
        tuple("".join(" " if key == " " else chr(ord(key) + by) for key in row) for row in layer)
        for layer in layout
    )


def _around(layout: Layout) -> Iterator[tuple[str, list[str]]]:
    """Give each letter of a keyboard with those of the six keys that touch its own, and its shifted one."""
    places = {
        (depth, row, column): key
        for depth, layer in enumerate(layout)
        for row, keys in enumerate(layer)
        for column, key in enumerate(keys)
    }
    touching = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    for (depth, row, column), key in places.items():
        if key.isalpha():
            beside = [places.get((depth, row + down, column + right), " ") for down, right in touching]
            shifted = [places.get((1 - depth, row, column), " ")]
            yield key, [*beside, *shifted]


def _alike(letter: str, other: str) -> bool:
    """Say whether a letter may stand for another one: also under the marks that the other one carries."""
    return (
        other != letter
        and unicodedata.category(letter) == unicodedata.category(other)
        and script(letter) == script(other)
        and _is_consonant(letter) == _is_consonant(other)
    )


def _is_consonant(letter: str) -> bool:
    point = ord(letter)
    if INSCRIPT_BLOCKS[0] <= point < INSCRIPT_BLOCKS[-1] + 0x80:
        return 0x15 <= point % 0x80 <= 0x39 or 0x58 <= point % 0x80 <= 0x5F
    return any(first <= point <= last for first, last in CONSONANTS)


def _syllables(letter: str, keys: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    index = ord(letter) - 0xAC00
    if not 0 <= index < len(FIRSTS) * len(VOWELS) * len(FINALS):
        return ()
    head, final = divmod(index, len(FINALS))
    first, vowel = divmod(head, len(VOWELS))
    parts = (first, vowel, final)
    found: list[str] = []
    for place, alphabet in enumerate((FIRSTS, VOWELS, FINALS)):
        for other in keys.get(alphabet[parts[place]], ()):
            if other in alphabet:
                a, b, c = (*parts[:place], alphabet.index(other), *parts[place + 1 :])
                found.append(chr(0xAC00 + (a * len(VOWELS) + b) * len(FINALS) + c))
    return tuple(found)


def _near(letter: str) -> tuple[str, ...]:
    if script(letter) in {"", "CJK"}:
        return ()
    close = (
        chr(ord(letter) + step) for step in range(-NEAR, NEAR + 1) if 0 <= ord(letter) + step <= 0x10FFFF
    )
    return tuple(other for other in close if _alike(letter, other))

"""Which language codes a table may use, and what to write instead of another."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Self

from taskorder.results import catalogue

MANY_LANGUAGES = "mul"
"""The code of a score that is a mean over several languages (ISO 639-2)."""
OWN = frozenset(f"q{second}{third}" for second in ascii_lowercase[:20] for third in ascii_lowercase)
"""`qaa` to `qtz`, which ISO 639-2 reserves for local use: languages that are invented, or have no code."""

OTHER_CODES = {
    **{
        "alb": "sq",
        "arm": "hy",
        "baq": "eu",
        "bur": "my",
        "chi": "zh",
        "cze": "cs",
        "dut": "nl",
        "fre": "fr",
    },
    **{
        "geo": "ka",
        "ger": "de",
        "gre": "el",
        "ice": "is",
        "mac": "mk",
        "mao": "mi",
        "may": "ms",
        "per": "fa",
    },
    **{"rum": "ro", "slo": "sk", "tib": "bo", "wel": "cy", "iw": "he", "in": "id", "ji": "yi"},
    **{"als": "sq", "arb": "ar", "azj": "az", "cmn": "zh", "ekk": "et", "gaz": "om", "khk": "mn"},
    **{
        "lvs": "lv",
        "npi": "ne",
        "ory": "or",
        "pbt": "ps",
        "pes": "fa",
        "plt": "mg",
        "swh": "sw",
        "uzn": "uz",
    },
    **{"ydd": "yi", "zsm": "ms"},
}
"""Codes of ISO 639-2/B, withdrawn ones, members of macrolanguages such as FLORES names; what to write."""


@dataclass(frozen=True, slots=True)
class LanguageCodes:
    """The codes that are allowed.

    Attributes
    ----------
    allowed
        The codes themselves.
    instead
        From a language's English name and its ISO 639-3 code, in small letters, to its code.
    scripts
        From a code to the script that the language is written in (ISO 15924).
    """

    allowed: frozenset[str]
    instead: dict[str, str]
    scripts: dict[str, str]

    @classmethod
    def known(cls, more: Collection[str] = ()) -> Self:
        """Take the codes of data/languages.csv, those of local use, and `more`."""
        table = catalogue.language_names()
        instead = dict(zip(table["name"].str.casefold(), table["language"], strict=True))
        scripts = dict(zip(table["language"], table["script"], strict=True))
        instead |= dict(zip(table["iso639_3"], table["language"], strict=True))
        instead |= {other: code for other, code in OTHER_CODES.items() if other not in scripts}
        return cls(frozenset({*table["language"], MANY_LANGUAGES, *more}) | OWN, instead, scripts)

    def code(self, text: str) -> str:
        """Give the code that a code, an ISO 639-3 code or a name of the table stands for; else nothing.

        A script may follow, as in FLORES's ``amh_Ethi``, if it is the one of the table.
        """
        if not text:
            return ""
        base, _, script = text.replace("_", "-").partition("-")
        found = base if base in self.allowed else self.instead.get(base.casefold(), "")
        whole = self.instead.get(text.casefold(), "")
        return whole or (found if not script or self.scripts.get(found) == script else "")

    def fault(self, cell: str) -> str:
        """Say what is wrong with a code; nothing if it is known, empty or has blanks around it."""
        if not cell or cell in self.allowed or cell != cell.strip():
            return ""
        if instead := self._meant(cell):
            return f"{cell!r} is no code of data/languages.csv: write {instead!r}."
        return (
            f"{cell!r} is no code of data/languages.csv: write the language's ISO 639-1 code where there is "
            f"one, else 639-3; add a new language with --languages, or take one of the codes of local use,"
            f" qaa to qtz."
        )

    def _meant(self, cell: str) -> str:
        small = cell.casefold()
        base = re.split(r"[-_]", small)[0]
        plain = next((code for code in (small, base) if code in self.allowed), "")
        return self.instead.get(small) or plain or self.instead.get(base, "")

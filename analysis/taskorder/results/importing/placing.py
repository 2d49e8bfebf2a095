"""Which cells a score gets: what the map says stands above what its file says, and that above the options."""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from taskorder.errors import Problem
from taskorder.results.importing.names import Entry, Meaning, NameMap
from taskorder.results.importing.scores import LeftOut, Score, cell, shown
from taskorder.results.language_codes import LanguageCodes

STANDS_FOR: Mapping[str, str] = {"metric": "metric", "language": "language", "task": "target"}
"""The column that a name of a kind must be translated to."""

type Found = Mapping[str, tuple[Meaning | None, Meaning | None]]
"""From the kind of a name to what it stands for: to the person, to the tool."""

UNWRITABLE = frozenset({"Cc", "Cs"})
"""Unicode's categories of marks of control and of halves of characters."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the person says of the files.

    Attributes
    ----------
    columns
        Cells for all scores whose files and names say nothing of that column; empty text is a statement, too.
    names
        What names in the files stand for; it stands above what the files say.
    percent
        The scores are percent.
    languages
        Codes that are allowed beside those of data/languages.csv.
    """

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    names: NameMap = field(default_factory=NameMap)
    percent: bool = False
    languages: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A score with its cells, and the columns that an option would have filled otherwise."""

    score: Score
    cells: Mapping[str, str]
    kept: tuple[str, ...]


class Names:
    """What names stand for, to the person and to the tool; each is looked up once."""

    def __init__(self, own: NameMap, known: NameMap, codes: LanguageCodes) -> None:
        self.own, self.known, self.codes = own, known, codes
        self._found: dict[tuple[str, str], tuple[Meaning | None, Meaning | None]] = {}

    def find(self, kind: str, name: str) -> tuple[Meaning | None, Meaning | None]:
        """Look a name up in the person's map, and in what is known of the tool and of languages."""
        if (kind, name) not in self._found:
            own, known = (names.find(kind, name, self.codes) for names in (self.own, self.known))
            if known is None and kind == "language" and (code := self.codes.code(name)):
                known = Meaning(Entry(kind, name), {"language": code})
            self._found[kind, name] = own, known
        return self._found[kind, name]

    def unused(self) -> list[tuple[Entry, list[str]]]:
        """Give the entries of the person's map that no name fits, each with the names of its kind."""
        used = [own.entry for own, _ in self._found.values() if own is not None]
        return [
            (entry, [name for kind, name in self._found if kind == entry.kind])
            for entry in self.own.entries
            if entry not in used
        ]


def placed(score: Score, names: Names, given: Given, *, percent: bool) -> Row | LeftOut | Problem:
    """Give a score its cells, or say why it is no row.

    Parameters
    ----------
    score
        A number from a file.
    names
        What names stand for.
    given
        What the person says.
    percent
        The scores of the format are always percent.
    """
    found = {kind: names.find(kind, name) for kind, name in score.names.items()}
    own = [mine for mine, _ in found.values() if mine is not None]
    for kind, (mine, known) in found.items():
        if (deciding := mine or known) is not None and deciding.entry.skip:
            return LeftOut(score.place, score.names[kind], deciding.entry.skip)
    if fault := _contradiction(score, own, names.own.origin):
        return fault
    said = dict(score.says)
    for meaning in (*(known for _, known in found.values() if known is not None), *own):
        said |= meaning.cells
    if left := _untranslated(score, said, found):
        return left
    scales = [meaning.entry.percent for meaning in own if meaning.entry.percent is not None]
    cells = _cells(
        score, {**given.columns, **said}, names.codes, percent=[percent or given.percent, *scales][-1]
    )
    kept = tuple(column for column, text in given.columns.items() if said.get(column, text) != text)
    return _unwritable(score, cells) or Row(score, cells, kept)


def _cells(score: Score, said: Mapping[str, str], codes: LanguageCodes, *, percent: bool) -> dict[str, str]:
    languages = {name: said[name] for name in ("language", "train_language") if name in said}
    return {
        **said,
        **{name: codes.code(text) or text for name, text in languages.items()},
        "score": cell(score.value, percent=percent),
        "source": score.place,
        **{name: cell(value, percent=percent) for name, value in score.scaled.items()},
    }


def _contradiction(score: Score, own: Collection[Meaning], origin: str) -> Problem | None:
    """Find a column that two entries of the map fill differently for one score."""
    first: dict[str, Meaning] = {}
    for meaning in own:
        for column, text in meaning.cells.items():
            other = first.setdefault(column, meaning)
            if other.cells[column] != text:
                message = (
                    f"{meaning.entry} says {text!r} of {shown(score.place)}, and {other.entry} "
                    f"{other.cells[column]!r}: let one of them say it."
                )
                return Problem(origin, None, column, message)
    return None


def _untranslated(score: Score, said: Mapping[str, str], found: Found) -> LeftOut | None:
    """Leave out what stands under a name that nobody has translated: an option is no answer to it."""
    for kind, name in score.names.items():
        column = STANDS_FOR.get(kind, "")
        if column and not said.get(column):
            why = (
                f'no {kind} that is known: say in the map what it is ([{kind}."NAME"], and below it '
                f'{column} = "..."), or skip = true.'
            )
            return LeftOut(score.place, name, why)
        if kind == "dataset" and found[kind] == (None, None):
            why = (
                "an evaluation set of which only the name is known: say in the map what it is"
                ' ([dataset."NAME"], and below it language = "..."), or of all: [dataset."{language}"].'
            )
            return LeftOut(score.place, name, why)
    return None


def _unwritable(score: Score, cells: Mapping[str, str]) -> Problem | None:
    """Refuse text that no CSV should hold."""
    for column, text in cells.items():
        if any(unicodedata.category(mark) in UNWRITABLE for mark in text):
            message = f"{shown(text)} holds marks of control or broken characters: rename it."
            return Problem(shown(score.place), None, column, message)
    return None

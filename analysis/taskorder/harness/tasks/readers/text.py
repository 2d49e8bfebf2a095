"""Lines of raw text; lines that are translations of each other; the comparable sentences of BUCC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from taskorder.errors import InvalidTask
from taskorder.harness.streams import stream
from taskorder.harness.tasks.file import Format
from taskorder.harness.tasks.readers.rows import Row, lines

PAIRING_SEED = 0


def plain(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield the lines of files that are not blank: `line`, and the name of its `file`."""
    del form
    for path in files:
        for number, line in lines(path):
            if line.strip():
                yield Row(f"{path}:{number}", {"line": line, "file": path.name})


def aligned(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield lines of two files that stand at the same place: `first`, `second`.

    Of more than two files each line is read in random pairs of languages, the same in every run: every text
    is in one pair (but one of an odd number).
    """
    del form
    if len(files) < 2:
        raise InvalidTask(f"{files[0]}: there is nothing that it is aligned with: name two files or more")
    chance = stream(PAIRING_SEED, "pairs of languages")
    for texts in _together(files):
        order = [0, 1] if len(files) == 2 else chance.permutation(len(files))
        for i, j in zip(order[0::2], order[1::2], strict=False):
            (number, first), (_, second) = texts[i], texts[j]
            yield Row(f"{files[i]}:{number}", {"first": first, "second": second})


def _together(files: Sequence[Path]) -> Iterator[list[tuple[int, str]]]:
    last = 0
    for found in zip_longest(*map(lines, files)):
        texts = [text for text in found if text is not None]
        if len(texts) < len(files):
            short, long = files[found.index(None)], files[next(i for i, one in enumerate(found) if one)]
            raise InvalidTask(f"{short}: ends after line {last}, but {long} goes on: the two are not aligned")
        last = texts[0][0]
        yield texts


def bucc(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield pairs of BUCC 2018 from three files: sentences, English sentences, and the pairs of their ids.

    After the pairs come the sentences that are in none, one of each side a row, with `gold` False; where a
    side has run out its text is empty.
    """
    del form
    if len(files) != 3:
        raise InvalidTask(
            f"{files[0]}: BUCC is read from three files: sentences, English sentences, gold pairs"
        )
    source, target = _numbered(files[0]), _numbered(files[1])
    paired: set[str] = set()
    for number, line in lines(files[2]):
        place = f"{files[2]}:{number}"
        ids = line.split("\t")
        if len(ids) != 2:
            raise InvalidTask(f"{place}: {len(ids)} fields where two ids are parted by a tab")
        for one, known, path in ((ids[0], source, files[0]), (ids[1], target, files[1])):
            if one not in known:
                raise InvalidTask(f"{place}: there is no sentence {one!r} in {path}")
        paired.update(ids)
        yield Row(place, {"id": ids[0], "source": source[ids[0]], "target": target[ids[1]], "gold": True})
    left = [text for one, text in source.items() if one not in paired]
    right = [text for one, text in target.items() if one not in paired]
    for i, (first, second) in enumerate(zip_longest(left, right, fillvalue="")):
        yield Row(str(files[0]), {"id": f"alone-{i}", "source": first, "target": second, "gold": False})


def _numbered(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in lines(path):
        one, tab, text = line.partition("\t")
        if not tab:
            raise InvalidTask(f"{path}:{number}: no tab between the id and its sentence")
        if one in found:
            raise InvalidTask(f"{path}:{number}: the id {one!r} stands twice")
        found[one] = text
    return found

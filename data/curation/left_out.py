"""The account of every source row: in, kept, left out and why."""

from itertools import groupby

from tidy import LeftOut, Outcome

HEAD = """# Source rows, kept and left out

Each row of a collected source table is one row of a table here (its `origin` names it) or is left out for a
reason below. Row numbers are 1-based data rows of the source table, the header not counted. For every source
table, and in total: rows in = kept + left out.

| source table | rows in | kept | left out | reason |
|---|---:|---:|---:|---|
"""


def account(done: dict[str, list[Outcome]]) -> str:
    """Render LEFT_OUT.md: a line a source table, one for each of its reasons, and a total."""
    lines = [line for table, rows in done.items() for line in _lines(table, rows)]
    total = sum(len(rows) for rows in done.values())
    left = sum(isinstance(row, LeftOut) for rows in done.values() for row in rows)
    return HEAD + "\n".join([*lines, f"| **total** | {total} | {total - left} | {left} | |"]) + "\n"


def _lines(table: str, rows: list[Outcome]) -> list[str]:
    reasons: dict[str, list[int]] = {}
    for number, row in enumerate(rows, start=1):
        if isinstance(row, LeftOut):
            reasons.setdefault(row.reason, []).append(number)
    left = sum(map(len, reasons.values()))
    head = f"| {table} | {len(rows)} | {len(rows) - left} | {left} | |"
    return [
        head,
        *(
            f"| | | | {len(numbers)} | {reason}: rows {_ranges(numbers)} |"
            for reason, numbers in reasons.items()
        ),
    ]


def _ranges(numbers: list[int]) -> str:
    """Write 1, 2, 3, 7 as ``1-3, 7``."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)

"""The one place where pyarrow is called: text in separated columns to a pandas table, ragged rows apart.

pandas' own readers fill short rows without a word; Arrow's reports every row of a wrong length.
"""

import io
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True)
class Ragged:
    """A row that has more or fewer fields than the header.

    Attributes
    ----------
    record
        How many rows stand between the header and this one.
    fields
        How many fields it has.
    breaks
        How many line breaks stand inside it, in quotation marks.
    """

    record: int
    fields: int
    breaks: int


def parse_text(
    content: bytes, header: list[str], skip: int, separator: str
) -> tuple[pd.DataFrame, list[Ragged]]:
    """Split the rows below a header into cells of text.

    Parameters
    ----------
    content
        The file, in UTF-8.
    header
        Names of the columns, all different.
    skip
        Lines that the header takes.
    separator
        What stands between two cells of a row.

    Returns
    -------
    frame
        (rows, columns), all of type ``str``; an empty line becomes a row of empty cells.
    ragged
        The rows whose length is wrong; they are not in `frame`.

    Raises
    ------
    ValueError
        If the content is no table.
    """
    # pyarrow ships no type hints; loaded by name, its members are Any.
    arrow: Any = import_module("pyarrow")
    reader: Any = import_module("pyarrow.csv")
    ragged: list[Ragged] = []

    def set_apart(row: Any) -> str:
        ragged.append(Ragged(row.number - skip - 1, row.actual_columns, row.text.count("\n")))
        return "skip"

    cells = reader.read_csv(
        io.BytesIO(content),
        reader.ReadOptions(use_threads=False, column_names=header, skip_rows=skip, block_size=1 << 24),
        reader.ParseOptions(
            delimiter=separator,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=set_apart,
        ),
        reader.ConvertOptions(
            column_types=dict.fromkeys(header, arrow.large_string()), strings_can_be_null=False
        ),
    )
    return cells.to_pandas(), ragged

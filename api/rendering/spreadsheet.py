"""CSV: as RFC 4180 has it, and no cell is a formula to whoever opens it."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO

from fastapi.responses import Response

from api.rendering.table import Table

MEDIA_TYPE = "text/csv"
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets begin a formula with, in full width too."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Heads and rows as one text."""
    text = StringIO()
    written = csv.writer(text, lineterminator="\r\n")
    written.writerow(heads)
    written.writerows([plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def plain(value: object) -> str:
    """A cell as it is read: an apostrophe before what would be a formula, numbers as they are."""
    text = str(value)
    harmless = not text.startswith(_DANGEROUS) or _NUMBER.fullmatch(text)
    return text if harmless else f"'{text}"


def csv_of(table: Table, name: str) -> Response:
    """The answer with the table under its columns' names, to be saved as `<name>.csv`."""
    text = as_csv([column.name for column in table.columns], table.rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type=MEDIA_TYPE, headers=headers)

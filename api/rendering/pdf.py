"""PDF by typst: one template, and values that it takes as data, never as markup.

It is set with the fonts that come with the compiler and with this package, in a process without
environment: nothing is read from the network, nor from the machine that it runs on.
"""

import asyncio
import sys
from pathlib import Path

import orjson
from fastapi.responses import Response

from api.problems import Problem
from api.rendering.table import Table

MEDIA_TYPE = "application/pdf"
ROWS_MAX = 2_000
"""Some fifty pages: a second or two of one core, and 300 MB meanwhile."""
TIMEOUT_S = 30.0
_PRESS = Path(__file__).with_name("press.py")
_AT_ONCE = asyncio.Semaphore(2)


async def pdf_of(table: Table, name: str) -> Response:
    """The answer with the table on A4, to be saved as `<name>.pdf`.

    Raises Problem too_many_rows, or busy where it is not set in time.
    """
    if len(table.rows) > ROWS_MAX:
        raise Problem("too_many_rows", f"it has {len(table.rows)}; a PDF has {ROWS_MAX} at most")
    try:
        async with asyncio.timeout(TIMEOUT_S), _AT_ONCE:
            content = await as_pdf(table)
    except TimeoutError:
        raise Problem("busy") from None
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


async def as_pdf(table: Table) -> bytes:
    """The document; the same table is the same bytes. Raises RuntimeError for a broken template."""
    told = {
        "operator": table.operator,
        "title": table.title,
        "about": table.about,
        "heads": [column.heading for column in table.columns],
        "figures": [column.figure for column in table.columns],
        "rows": table.rows,
    }
    pipe = asyncio.subprocess.PIPE
    press = await asyncio.create_subprocess_exec(
        sys.executable, "-I", _PRESS, stdin=pipe, stdout=pipe, stderr=pipe, env={}
    )
    try:
        document, said = await press.communicate(orjson.dumps(told))
    finally:
        if press.returncode is None:
            press.kill()
    if press.returncode:
        raise RuntimeError(f"the press failed: {said.decode(errors='replace')[-500:]}")
    return document

"""Generate the published files from the code; with --check, say which are out of date."""

import sys
from collections.abc import Sequence
from pathlib import Path

from workers.publishing import (
    asyncapi,
    errors_page,
    events_page,
    movements_page,
    openapi,
    processors_page,
)

ROOT = Path(__file__).parents[1]
FILES = {
    "docs/movements.md": movements_page.page,
    "docs/events.md": events_page.page,
    "docs/processors.md": processors_page.page,
    "docs/errors.md": errors_page.page,
    "docs/openapi.yaml": openapi.document,
    "docs/asyncapi.yaml": asyncapi.document,
}


def main(arguments: Sequence[str] = ()) -> int:
    """Write the files, or compare them; exit code 1 where one is not what the code says."""
    stale = [name for name, make in FILES.items() if _differs(ROOT / name, make())]
    if "--check" in arguments:
        for name in stale:
            sys.stderr.write(f"{name} is not what the code says: run `make docs`\n")
        return 1 if stale else 0
    for name in stale:
        path = ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(FILES[name]())
        sys.stdout.write(f"wrote {name}\n")
    return 0


def _differs(path: Path, content: str) -> bool:
    return not path.exists() or path.read_text() != content

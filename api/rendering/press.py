"""The press: a program of its own that sets one document and ends; JSON comes in, a PDF goes out.

The compiler keeps what it has reckoned, and gives no memory back while its process lives.
"""

import sys
from pathlib import Path

import typst

TEMPLATE = Path(__file__).with_name("table.typ")
FONTS = Path(__file__).with_name("fonts")
"""For the scripts that the compiler's own fonts do not know."""


def main() -> None:
    """Fill the template with what stands at standard input."""
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[FONTS])
    told = {"table": sys.stdin.buffer.read().decode()}
    document = typst.compile(TEMPLATE.read_bytes(), sys_inputs=told, font_paths=fonts)
    sys.stdout.buffer.write(document)


if __name__ == "__main__":
    main()

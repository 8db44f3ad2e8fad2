"""Templates of texts: Mustache without logic, over a fixed list of variables.

There is nothing in them but text and plain variables, so that whoever writes one can neither loop
nor reach anything else.
"""

from collections.abc import Iterator
from typing import Any, cast

import pystache

from mmo.kernel.spelling import nearest

VARIABLES = (
    "amount", "counterparty", "currency", "date", "event", "operator", "recipient", "reference",
    "time",
)  # fmt: skip
TEMPLATE_MAX = 1_000


def wrong_in(template: str) -> Iterator[str]:
    """What is wrong with a template, sentence by sentence."""
    parsed = cast("Any", pystache.parse(template))
    tree: list[object] = parsed._parse_tree  # noqa: SLF001 - it has no other way in
    for node in tree:
        kind = type(node).__name__
        if kind == "_EscapeNode":
            name = str(vars(node)["key"])
            if name not in VARIABLES:
                yield f"there is no variable {name[:40]}; {nearest(name, VARIABLES)}"
        elif not isinstance(node, str):
            yield "only plain variables such as {{amount}}: no section, partial or other tag"
        elif "{{" in node or "}}" in node:
            yield "a variable is written {{amount}}: braces without their other half"

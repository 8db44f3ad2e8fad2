"""The code as a tree: the modules of the five packages, parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / name for name in ("mmo", "workflows", "activities", "api", "workers")]
MODULES = sorted(module for package in PACKAGES for module in package.rglob("*.py"))


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def name_of(module: Path) -> str:
    return str(module.relative_to(ROOT))


def called(module: Path) -> Iterator[str]:
    """Every name or dotted name that is called, such as `datetime.now`."""
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)

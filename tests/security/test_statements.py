"""No text from outside becomes part of a statement: values are bound, and code writes the rest.

Read from the source. A statement that is put together at run time may hold only constants of its
module, names that psycopg quotes, or one of the few that are listed here with their reason.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import MODULES, name_of, parsed

pytestmark = pytest.mark.case("C15")

TALKING = [module for module in MODULES if not name_of(module).startswith("workflows/")]
RUNS = {"execute", "executemany", "stream", "exec_driver_sql"}
LISTED = {
    "mmo/tenancy/scope.py entered": "names the tenant by a number: SET takes no bound values",
    "mmo/tenancy/scope.py _share": "names a resource of the list, and tenants by their numbers",
    "mmo/ledger/postgres.py PostingQueue._serve": "built once from constants; values are bound",
    "mmo/database/run_sql.py run_sql": "the file beside a migration",
    "mmo/documents/postgres.py PostgresDocuments.listed": "constants of the function, joined",
    "mmo/bep/conditions.py holds": "runs a condition of a rule, and no statement",
    "workers/cli/movement.py _rows": "both callers in the module write theirs out",
    "mmo/ledger/verify.py _check": "invariants are constants of the module",
    "mmo/books/watching.py _found": "the same",
    "mmo/books/reporting.py rows_of": "statements of reports are constants of their modules",
    "mmo/ledger/postgres.py configure": "settings of the connection, from constants",
}
"""`<file> <function>` → why its statement is not written out."""


def statements(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Every call that runs a statement, with the function that it is in."""
    for node in ast.iter_child_nodes(tree):
        inside = within
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inside = f"{within}.{node.name}".lstrip(".")
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr=attr), args=[_, *_]) if attr in RUNS:
                if not ast.unparse(of).endswith("activities"):  # those execute movements
                    yield within, node
        yield from statements(node, inside)


def is_constant(name: str) -> bool:
    return name.lstrip("_").isupper()


def written_out(node: ast.expr, function: ast.AST | None) -> bool:  # noqa: PLR0911
    """Whether a statement holds nothing but what its module says."""
    match node:
        case ast.Constant():
            return True
        case ast.JoinedStr(values=parts):
            inner = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
            return all(written_out(one, function) for one in inner)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return written_out(left, function) and written_out(right, function)
        case ast.Call(func=ast.Attribute(value=value, attr="encode" | "format")):
            filled = [*node.args, *(keyword.value for keyword in node.keywords)]
            return written_out(value, function) and all(
                quoted(one) or written_out(one, function) for one in filled
            )
        case ast.Call(func=made, args=[text]) if ast.unparse(made) in {"sql.SQL", "SQL", "text"}:
            return written_out(text, function)
        case ast.IfExp(body=one, orelse=other):
            return written_out(one, function) and written_out(other, function)
        case ast.Name(id=name):
            return is_constant(name) or assigned(name, function)
        case ast.Attribute(value=ast.Name(id="stream"), attr="columns" | "table" | "written"):
            return True  # constants of mmo/audit/streams.py: LiteralString says so to pyright
        case ast.Attribute(value=ast.Name(id="waker"), attr="find"):
            return True  # a constant of a movement, likewise
        case _:
            return False


def quoted(node: ast.expr) -> bool:
    """Whether psycopg quotes it: `sql.Identifier(…)`, `sql.Literal(…)`."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("sql.") in {
        "Identifier", "Literal",
    }  # fmt: skip


def assigned(name: str, function: ast.AST | None) -> bool:
    """Whether a local name is only ever a statement that is written out."""
    if function is None:
        return False
    given: list[ast.expr] = []
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=each)], value=value) if each == name:
                given.append(value)
            case ast.For(target=ast.Name(id=each), iter=ast.Tuple(elts=values)) if each == name:
                given += values
            case _:
                pass
    return bool(given) and all(written_out(value, function) for value in given)


def function_of(tree: ast.AST, path: str) -> ast.AST | None:
    found: ast.AST | None = tree if path else None
    for part in path.split(".") if path else []:
        found = next(
            (n for n in ast.walk(found) if getattr(n, "name", None) == part), None
        ) if found else None  # fmt: skip
    return found


def put_together(tree: ast.AST, file: str) -> list[str]:
    """Statements of a module that hold more than it says itself."""
    return [
        f"{file}:{call.lineno} in {within}: {ast.unparse(call.args[0])[:80]}"
        for within, call in statements(tree)
        if f"{file} {within}" not in LISTED
        and not written_out(call.args[0], function_of(tree, within))
    ]


@pytest.mark.parametrize("module", TALKING, ids=name_of)
def test_every_statement_is_written_out_and_its_values_are_bound(module: Path) -> None:
    assert put_together(parsed(module), name_of(module)) == []


PLANTED = [
    'def f(c, name):\n    c.execute(f"SELECT {name}")',
    'def f(c, name):\n    c.execute("SELECT " + name)',
    'def f(c, name):\n    c.execute("SELECT %s" % name)',
    'def f(c, name):\n    c.execute("SELECT {}".format(name))',
    "def f(c, query):\n    c.execute(query)",
    "def f(c, query):\n    c.execute(query.encode(), [1])",
    'def f(c, name):\n    q = f"SELECT {name}"\n    c.execute(q)',
    "def f(c, name):\n    c.execute(sql.SQL(name))",
    'def f(c, name):\n    c.execute(sql.SQL("SELECT {}").format(sql.SQL(name)))',
]
HARMLESS = [
    'def f(c, name):\n    c.execute("SELECT %s", [name])',
    'def f(c):\n    c.execute(f"SELECT {_COLUMNS}")',
    'def f(c, name):\n    c.execute(sql.SQL("SELECT {}").format(sql.Identifier(name)))',
    'def f(c):\n    q = "SELECT 1"\n    c.execute(q)',
]


@pytest.mark.parametrize("source", PLANTED)
def test_a_statement_that_takes_text_from_outside_is_named(source: str) -> None:
    assert put_together(ast.parse(source), "planted.py")


@pytest.mark.parametrize("source", HARMLESS)
def test_one_that_binds_its_values_is_not(source: str) -> None:
    assert put_together(ast.parse(source), "planted.py") == []


def test_every_listed_place_is_still_there() -> None:
    there = {
        f"{name_of(module)} {within}"
        for module in TALKING
        for within, _ in statements(parsed(module))
    }
    assert set(LISTED) <= there

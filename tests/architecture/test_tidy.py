"""The shape of the code, checked as a test."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mmo.kernel.refusals import REFUSALS
from mmo.movements.support.catalogue import movements
from tests.architecture.tree import MODULES, ROOT, called, name_of, parsed
from workflows.support.catalogue import workflow_of

IO_LIBRARIES = {
    "psycopg", "psycopg_pool", "sqlalchemy", "sqlmodel", "alembic", "fastapi", "starlette",
    "uvicorn", "jose", "pkcs11", "httpx", "nats", "faststream",
}  # fmt: skip
MODULE_LINES_MAX, FUNCTION_LINES_MAX = 300, 60
WORKFLOW_FILES = [m for m in MODULES if name_of(m).startswith("workflows/")]
PURE = (
    "mmo/kernel", "mmo/movements", "mmo/ledger/posting.py", "mmo/wallets/wallet.py",
    "mmo/parties/party.py",
)  # fmt: skip
NEAR_MONEY = [m for m in MODULES if name_of(m).startswith((*PURE, "mmo/projections", "mmo/ledger"))]
STEMS = [name.replace("-", "_") for name in movements()]


@pytest.mark.parametrize("first", ["workflows.support.catalogue", "activities.movements"])
def test_workflows_load_no_io_library(first: str) -> None:
    script = (
        f"import sys, {first}, workflows.support.catalogue as c; c.workflows(); print(*sys.modules)"
    )
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True, cwd=ROOT).split()

    assert not IO_LIBRARIES & {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_module_says_what_it_is(module: Path) -> None:
    told = ast.get_docstring(parsed(module))

    assert told
    assert told.split("\n")[0].endswith((".", ":"))
    if module.name == "__init__.py":
        assert len(parsed(module).body) == 1, "an __init__ is its docstring and nothing else"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_module_and_function_fits_in_the_head(module: Path) -> None:
    functions = [
        node
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert len(module.read_text().splitlines()) <= MODULE_LINES_MAX
    for node in functions:
        assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("stem", STEMS)
def test_every_movement_has_its_two_rooms_and_its_tests(stem: str) -> None:
    for path in (
        f"mmo/movements/{stem}.py",
        f"workflows/{stem}.py",
        f"tests/mmo/movements/test_{stem}.py",
        f"tests/replay/test_{stem}.py",
        f"tests/replay/histories/{stem}",
    ):
        assert (ROOT / path).exists(), path


def test_every_workflow_belongs_to_a_movement() -> None:
    found = {m.stem for m in WORKFLOW_FILES if m.parent.name == "workflows"} - {"__init__"}

    assert found == set(STEMS)
    assert len({workflow_of(name).__name__ for name in movements()}) == len(STEMS)


CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time",
    "time.monotonic", "random.random", "random.choice", "uuid4", "uuid.uuid4", "mint",
}  # fmt: skip
CLOCKLESS = [
    m
    for m in MODULES
    if name_of(m).startswith("workflows/") or name_of(m) == "mmo/movements/support/decide.py"
]


@pytest.mark.parametrize("module", CLOCKLESS, ids=name_of)
def test_what_must_decide_alike_reads_no_clock_and_throws_no_dice(module: Path) -> None:
    assert not CLOCKS & set(called(module))


@pytest.mark.parametrize("module", NEAR_MONEY, ids=name_of)
def test_no_float_comes_near_money(module: Path) -> None:
    for node in ast.walk(parsed(module)):
        division = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        assert not division, (
            f"line {getattr(node, 'lineno', 0)}: use // and say where the rest goes"
        )
    amounts = {"amount", "minor", "posted", "held", "balance", "value", "amount_minor"}
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            assert not (name in amounts and "float" in ast.unparse(node.annotation)), name


TESTS = [p for p in (ROOT / "tests").rglob("*.py") if "architecture" not in p.parts]
NOT_REACHED_YET = {
    "limit_exceeded": "limits refuse by names of their own; the ledger's own tests reach it",
    "unbalanced": "rules cannot be unbalanced; the ledger's own tests reach it",
    "capture_exceeds_hold": "a settlement captures what was held; the ledger's own tests reach it",
    "hold_not_found": "a process settles only what it reserved; the ledger's own tests reach it",
    "hold_closed": "a process settles once; the ledger's own tests reach it",
    "failed": "movements of before were closed so; now they are begun anew",
}
"""Codes that no movement of today can come to, and who tests them."""


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_refusal_code_has_a_test_and_a_row(code: str) -> None:
    assert any(f'"{code}"' in path.read_text() for path in TESTS) or code in NOT_REACHED_YET
    assert f"| `{code}` |" in (ROOT / "docs/errors.md").read_text()


def test_nothing_is_left_undone_in_the_text() -> None:
    left = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "Not" + "ImplementedError")
    for path in [*MODULES, *TESTS]:
        for word in left:
            assert word not in path.read_text(), f"{path}: {word}"

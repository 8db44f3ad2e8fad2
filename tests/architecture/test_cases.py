"""Each case of the threat model has a test, or a reason why it has none yet."""

import re

import pytest

from tests.architecture.tree import ROOT
from tests.security.cases import CASES

SHOWN = {
    case
    for path in (ROOT / "tests").rglob("test_*.py")
    for case in re.findall(r'case\("([A-L][0-9]+)"\)', path.read_text())
}
ATTACKED = set(re.findall(r'"(A[0-9]+)":', (ROOT / "tests/mmo/keys/attacks.py").read_text()))


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_shown_or_says_why_not(name: str) -> None:
    assert name in SHOWN | ATTACKED or CASES[name].not_yet


def test_no_test_shows_a_case_that_is_not_listed() -> None:
    assert set(CASES) >= SHOWN | ATTACKED


def test_the_published_table_tells_of_every_case() -> None:
    told = (ROOT / "docs/security/cases.md").read_text()

    assert re.findall(r"^\| ([A-L][0-9]+) \|", told, re.MULTILINE) == list(CASES)
    assert "| failed |" not in told

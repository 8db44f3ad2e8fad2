"""A back-test's result as a table: one line a count, and no formula in any cell."""

import csv
import io
from typing import Any

from api.rules.backtests import table_of


def result(reason: str) -> dict[str, Any]:
    count = {"movements": 2, "sums": {"KES": 120_00, "UGX": 5}, "refused_otherwise": 1}
    return {
        "matrix": [{"old": "allow", "new": "refuse", **count}],
        "reasons": [
            {"new": "refuse", "processor": "expression", "definition": "new-1",
             "code": "expression_refused", **count}
        ],
        "examples": [
            {"movement": "m-1", "step": 1, "type": "p2p-transfer", "old": "allow",
             "new": "refuse", "reason": reason, "amount": {"value": "0.20", "currency": "KES"}}
        ],
    }  # fmt: skip


def lines(reason: str = "too much") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table_of(result(reason)))))


def test_a_sum_in_two_currencies_is_two_lines() -> None:
    told = [(one["currency"], one["sum_minor"]) for one in lines() if one["table"] == "matrix"]

    assert told == [("KES", "12000"), ("UGX", "5")]


def test_an_example_tells_its_amount_in_minor_units() -> None:
    (example,) = [one for one in lines() if one["table"] == "example"]

    assert (example["movement"], example["sum_minor"], example["reason"]) == (
        "m-1", "20", "too much",
    )  # fmt: skip


def test_a_reason_that_looks_like_a_formula_is_text() -> None:
    (example,) = [one for one in lines('=HYPERLINK("x")') if one["table"] == "example"]

    assert example["reason"] == '\'=HYPERLINK("x")'

"""`mmo tariffs simulate`, and tariffs like those of an operator."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.terms.tariffs import posted
from mmo.pricing.price import Ticket, price
from mmo.pricing.tariff import read
from tests.mmo.pricing.kenyan import TARIFFS
from workers.cli.tariffs import app
from workers.stack.launch import StackError

PAIR = frozenset({"agent", "super-agent"})


def simulated(folder: Path, content: Any, *words: str) -> Any:
    file = folder / "tariff.json"
    file.write_text(json.dumps(content))
    command = ["tariffs", "simulate", "--file", str(file), "--json", *words]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_a_tariff_is_tried_before_anybody_sets_it(tmp_path: Path) -> None:
    (row,) = simulated(tmp_path, TARIFFS["cash-out"], "--amounts", "1000")

    assert row == {
        "amount": "1000", "payer pays": "1034.80", "receiver gets": "1000.00", "fee": "29.00",
        "tax": "5.80", "levy": "0.00", "agent": "4.00", "super-agent": "1.00",
        "master-agent": "0.00", "withheld": "0.25",
    }  # fmt: skip


def test_what_leaves_the_sender_is_tried_too(tmp_path: Path) -> None:
    rows = simulated(tmp_path, TARIFFS["p2p-transfer"], "--amounts", "1000,100", "--send")

    assert [one["receiver gets"] for one in rows] == ["984.40", "100.00"]


def test_an_amount_without_a_price_says_why(tmp_path: Path) -> None:
    (row,) = simulated(tmp_path, TARIFFS["cash-out"], "--amounts", "5", "--send")

    assert row["payer pays"] == "amount_too_small"


def test_a_file_that_is_no_tariff_is_told_place_by_place(tmp_path: Path) -> None:
    wrong = {"currency": "KES", "levy": {"rate": "20"}, "rounding": "off"}

    with pytest.raises(StackError, match=r"(?s)/rounding: .*/levy/rate: "):
        simulated(tmp_path, wrong, "--amounts", "5")


def test_what_is_no_amount_and_who_is_no_role_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tariff.json"
    file.write_text(json.dumps(TARIFFS["cash-in"]))
    asked = ["tariffs", "simulate", "--file", str(file), "--amounts"]

    for words in (["ten"], ["0"], ["10", "--earners", "agnet"]):
        assert CliRunner().invoke(app, [*asked, *words]).exit_code == 2, words


@pytest.mark.parametrize("movement", TARIFFS)
def test_every_tariff_of_the_demo_can_be_read_and_posted(movement: str) -> None:
    tariff = read(TARIFFS[movement])

    assert tariff.symbols <= posted(movement)
    for amount in (1, 10_000, 10_001, 25_000_000):
        found = price(tariff, Ticket(amount=amount, earners=PAIR)).symbols
        assert found.get("X", 0) * 5 == found.get("F", 0)
        assert found.get("C1", 0) == found.get("C2", 0) * 4
        assert found.get("W1", 0) * 20 == found.get("C1", 0)


PRICES = [
    ("p2p-transfer", 10_000, {}),
    ("p2p-transfer", 10_001, {"F": 700, "X": 140}),
    ("p2p-transfer", 10_000_000, {"F": 10_800, "X": 2160}),
    ("cash-in", 100_001, {"C1": 800, "C2": 200, "W1": 40, "W2": 10}),
]


@pytest.mark.parametrize(("movement", "amount", "charged"), PRICES)
def test_the_demos_prices_are_those_of_its_table(
    movement: str, amount: int, charged: dict[str, int]
) -> None:
    found = price(read(TARIFFS[movement]), Ticket(amount=amount, earners=PAIR)).symbols

    assert found == {"A": amount, **charged}

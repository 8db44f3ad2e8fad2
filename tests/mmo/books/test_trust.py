"""The proof of the trust: what is missing is told to the cent, what is unknown is not proved."""

from datetime import date

from mmo.books.postgres import TrialLine
from mmo.books.trust import Statement, certificates

DAY = date(2026, 3, 4)


def line(code: str, closing: int, book: str = "E", currency: str = "KES") -> TrialLine:
    return TrialLine(
        book=book, currency=currency, code=code, opening=0, debits=0, credits=0, closing=closing
    )


def statement(closing: int, bank: str = "One", currency: str = "KES") -> Statement:
    return Statement(
        bank=bank, currency=currency, as_of=DAY, opening=0, closing=closing,
        lines=[{"reference": "R", "amount": closing, "date": "2026-03-04"}], filed_by="tests",
    )  # fmt: skip


BALANCE = [line("TRUST_BANK", -1_000), line("CUSTOMER", 1_000), line("CORP_BANK", -5, "C")]


def test_all_banks_together_hold_what_there_is() -> None:
    (one,) = certificates(BALANCE, [statement(600), statement(400, "Two")])

    assert (one.emoney, one.bank, one.shortfall) == (1_000, 1_000, 0)
    assert one.row()["backed"] is True


def test_a_cent_that_is_missing_is_a_shortfall() -> None:
    (one,) = certificates(BALANCE, [statement(999)])

    assert (one.shortfall, one.row()["backed"]) == (1, False)


def test_more_than_there_is_to_cover_is_no_shortfall() -> None:
    (one,) = certificates(BALANCE, [statement(1_001)])

    assert one.shortfall == 0


def test_without_a_statement_nothing_is_proved() -> None:
    (one,) = certificates(BALANCE, [statement(9_999, currency="USD")])

    assert (one.bank, one.shortfall, one.row()["backed"]) == (None, None, False)


def test_a_statement_adds_up_or_is_none() -> None:
    assert statement(5).adds_up
    assert not Statement(
        bank="One", currency="KES", as_of=DAY, opening=1, closing=1, filed_by="tests",
        lines=[{"reference": "R", "amount": 1, "date": "2026-03-04"}],
    ).adds_up  # fmt: skip

"""Holds end once and give back what they kept; counters bind and are given back with a hold."""

import pytest

from mmo.ledger.posting import Kind, Leg, Posting
from mmo.ledger.refusals import LedgerRefusal
from tests.mmo.ledger.books import Books, counted, hold, pay, posting

FROZEN = 3


def end(of: Posting, kind: Kind, step: int, *legs: Leg) -> Posting:
    return posting(*legs, kind=kind, txn=of.txn, step=step, hold_step=of.step)


def test_a_capture_may_be_partial_and_releases_the_rest(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    held = hold(alice, bob, 600)
    books.must(held)

    books.must(
        end(held, Kind.CAPTURE, 2, Leg(account=alice, amount=-500), Leg(account=bob, amount=500))
    )

    assert (books.posted(alice), books.held(alice), books.posted(bob)) == (500, 0, 500)


@pytest.mark.case("G5")
def test_a_capture_takes_no_more_than_was_held(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    held = hold(alice, bob, 600)
    books.must(held)
    more = end(held, Kind.CAPTURE, 2, Leg(account=alice, amount=-601), Leg(account=bob, amount=601))

    assert books.refusal(more) == LedgerRefusal.CAPTURE_EXCEEDS_HOLD
    assert books.held(alice) == 600


@pytest.mark.case("G5")
@pytest.mark.parametrize("ending", [Kind.VOID, Kind.EXPIRE])
def test_a_hold_ends_once(books: Books, ending: Kind) -> None:
    alice, bob = books.open(funds=1000), books.open()
    held = hold(alice, bob, 600)
    books.must(held)
    books.must(end(held, ending, 2))

    assert books.held(alice) == 0
    late = end(held, Kind.CAPTURE, 3, Leg(account=alice, amount=-1), Leg(account=bob, amount=1))
    assert books.refusal(late) == LedgerRefusal.HOLD_CLOSED


def test_a_hold_that_was_refused_cannot_be_ended(books: Books) -> None:
    alice, bob = books.open(), books.open()
    held = hold(alice, bob, 600)
    assert books.refusal(held) == LedgerRefusal.INSUFFICIENT_FUNDS

    assert books.refusal(end(held, Kind.VOID, 2)) == LedgerRefusal.HOLD_NOT_FOUND


def test_a_hold_of_several_parties_is_released_as_a_whole(books: Books) -> None:
    alice, carol, bob = books.open(funds=100), books.open(funds=100), books.open()
    held = posting(
        Leg(account=alice, amount=-60, reserve=True),
        Leg(account=carol, amount=-40, reserve=True),
        Leg(account=bob, amount=100),
        kind=Kind.HOLD,
    )
    books.must(held)
    assert (books.held(alice), books.held(carol)) == (60, 40)

    books.must(end(held, Kind.VOID, 2))
    assert (books.held(alice), books.held(carol)) == (0, 0)


def test_a_frozen_wallets_hold_can_still_be_given_back(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    held = hold(alice, bob, 600)
    books.must(held)
    books.state(alice, FROZEN)

    books.must(end(held, Kind.VOID, 2))
    assert books.held(alice) == 0


def test_a_cap_refuses_with_its_own_code_and_counts_nothing(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()

    def spend(amount: int) -> str | None:
        row = counted(alice, amount, cap_amount=500, refusal="daily_limit_exceeded")
        return books.refusal(pay(alice, bob, amount, usage=(row,)))

    assert [spend(400), spend(101), spend(100)] == [None, "daily_limit_exceeded", None]
    assert books.used(alice) == (500, 2)


def test_a_cap_on_the_number_of_payments_binds_too(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    row = counted(alice, 1, cap_n=1, refusal="daily_count_exceeded")
    books.must(pay(alice, bob, 1, usage=(row,)))

    assert books.refusal(pay(alice, bob, 1, usage=(row,))) == "daily_count_exceeded"


def test_a_void_gives_back_what_its_hold_had_counted(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    held = hold(alice, bob, 600, usage=(counted(alice, 600), counted(bob, 600)))
    books.must(held)
    assert (books.used(alice), books.used(bob)) == ((600, 1), (600, 1))

    books.must(end(held, Kind.VOID, 2))
    assert (books.used(alice), books.used(bob)) == ((0, 0), (0, 0))


def test_a_capture_keeps_what_its_hold_had_counted(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    held = hold(alice, bob, 600, usage=(counted(alice, 600),))
    books.must(held)
    books.must(
        end(held, Kind.CAPTURE, 2, Leg(account=alice, amount=-500), Leg(account=bob, amount=500))
    )

    assert books.used(alice) == (600, 1)


def test_counting_for_nobody_is_refused(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()

    unknown = pay(alice, bob, 1, usage=(counted(999_999, 1),))
    assert books.refusal(unknown) == LedgerRefusal.WALLET_NOT_FOUND

"""A wallet's life: what may be asked of it in which state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.kernel.refusals import Refused
from mmo.wallets.events import EVENTS
from mmo.wallets.wallet import (
    FLAGS_MAX,
    CloseWallet,
    FlagWallet,
    FreezeWallet,
    OpenWallet,
    RetierWallet,
    UnflagWallet,
    UnfreezeWallet,
    Wallet,
    WalletCommand,
    WalletFlag,
    decide,
    evolve,
)

AT = datetime(2026, 11, 24, tzinfo=UTC)
OPEN = OpenWallet(
    kind="customer",
    currency="KES",
    msisdn="+254700000001",
    name="Alice",
    alias="00" * 16,
    owner="alice",
    accounts={"wallet": 1},
)


def after(*commands: WalletCommand) -> Wallet:
    wallet: Wallet | None = None
    for command in commands:
        decided = decide(wallet, command)
        assert not isinstance(decided, Refused), decided
        for event in decided:
            version = (wallet.version if wallet else 0) + 1
            wallet = evolve(wallet, event, identifier="w-1", version=version, at=AT)
    assert wallet is not None
    return wallet


def test_an_opened_wallet_is_active() -> None:
    assert (after(OPEN).state, after(OPEN).version) == ("active", 1)


STATES: list[tuple[tuple[WalletCommand, ...], str]] = [
    ((OPEN, FreezeWallet()), "frozen"),
    ((OPEN, FreezeWallet(), UnfreezeWallet()), "active"),
    ((OPEN, CloseWallet(0)), "closed"),
    ((OPEN, FreezeWallet(), CloseWallet(0)), "closed"),
]


@pytest.mark.parametrize(("commands", "state"), STATES)
def test_a_command_leads_to_its_state(commands: tuple[WalletCommand, ...], state: str) -> None:
    assert after(*commands).state == state


@pytest.mark.parametrize("command", [FreezeWallet(), UnfreezeWallet(), CloseWallet(0)])
def test_what_is_so_already_changes_nothing(command: WalletCommand) -> None:
    once = after(OPEN, FreezeWallet(), command)

    assert decide(once, command) == ()


def test_a_wallet_that_holds_money_cannot_be_closed() -> None:
    refused = decide(after(OPEN), CloseWallet(1))

    assert isinstance(refused, Refused)
    assert refused.code == "wallet_not_empty"


@pytest.mark.parametrize("command", [FreezeWallet(), UnfreezeWallet()])
def test_a_closed_wallet_stays_closed(command: WalletCommand) -> None:
    refused = decide(after(OPEN, CloseWallet(0)), command)

    assert isinstance(refused, Refused)
    assert refused.code == "wallet_closed"


def test_nothing_can_be_asked_of_a_wallet_that_is_not_there() -> None:
    refused = decide(None, FreezeWallet())

    assert isinstance(refused, Refused)
    assert refused.code == "wallet_not_found"


@given(
    st.lists(
        st.sampled_from([OPEN, FreezeWallet(), UnfreezeWallet(), CloseWallet(0), CloseWallet(5)])
    )
)
def test_versions_count_the_events_without_a_gap(commands: list[WalletCommand]) -> None:
    wallet: Wallet | None = None
    count = 0
    for command in commands:
        decided = decide(wallet, command)
        for event in () if isinstance(decided, Refused) else decided:
            count += 1
            wallet = evolve(wallet, event, identifier="w-1", version=count, at=AT)
    assert (wallet.version if wallet else 0) == count


def test_every_event_can_be_written_and_read_again() -> None:
    decided = decide(None, OPEN)
    assert not isinstance(decided, Refused)
    (opened,) = decided

    assert EVENTS["mmo.wallet.opened.v1"].model_validate_json(opened.model_dump_json()) == opened


SUSPECT = FlagWallet(list="wallet-flags", code="SUSPECT", reason="a hint", since=AT)
OFF = UnflagWallet(list="wallet-flags", code="SUSPECT", reason="it was none")
LATER = AT + timedelta(days=1)


def test_a_flag_is_carried_until_it_is_taken_off() -> None:
    flagged = after(OPEN, SUSPECT)

    assert flagged.flags == (WalletFlag(list="wallet-flags", code="SUSPECT", since=AT),)
    assert after(OPEN, SUSPECT, OFF).flags == ()


def test_several_flags_stand_side_by_side() -> None:
    other = replace(SUSPECT, list="customer-flags", code="LOST")

    assert [flag.code for flag in after(OPEN, SUSPECT, other).flags] == ["LOST", "SUSPECT"]
    assert [flag.code for flag in after(OPEN, SUSPECT, other, OFF).flags] == ["LOST"]


def test_the_same_flag_again_changes_nothing_and_another_end_replaces_it() -> None:
    flagged = after(OPEN, SUSPECT)

    assert decide(flagged, replace(SUSPECT, since=LATER)) == ()
    assert after(OPEN, SUSPECT, replace(SUSPECT, until=LATER)).flags[0].until == LATER
    assert len(after(OPEN, SUSPECT, replace(SUSPECT, until=LATER)).flags) == 1


FULL = [replace(SUSPECT, code=f"F{number}") for number in range(FLAGS_MAX)]
UNFLAGGABLE = [
    ("flag_not_found", [OPEN], OFF),
    ("flag_list_invalid", [OPEN], replace(SUSPECT, list="agent-flags")),
    ("flag_list_invalid", [OPEN], replace(SUSPECT, list="loan-account-flags")),
    ("too_many_flags", [OPEN, *FULL], SUSPECT),
    ("wallet_closed", [OPEN, CloseWallet(0)], SUSPECT),
    ("wallet_closed", [OPEN, SUSPECT, CloseWallet(0)], OFF),
]


@pytest.mark.parametrize(("code", "before", "command"), UNFLAGGABLE)
def test_what_cannot_be_flagged_is_refused(
    code: str, before: list[WalletCommand], command: WalletCommand
) -> None:
    refused = decide(after(*before), command)

    assert isinstance(refused, Refused)
    assert refused.code == code


def test_a_flag_reads_back_from_its_row_as_it_was() -> None:
    flag = WalletFlag(list="wallet-flags", code="SUSPECT", since=AT, until=LATER)

    assert WalletFlag.of(flag.row()) == flag


WITH_PARTY, RESUMED = FreezeWallet(with_party=True), UnfreezeWallet(with_party=True)
TOGETHER: list[tuple[str, tuple[WalletCommand, ...], tuple[str, bool]]] = [
    ("is frozen with its party", (WITH_PARTY,), ("frozen", True)),
    ("is unfrozen with it", (WITH_PARTY, RESUMED), ("active", False)),
    ("stays frozen where staff froze it first", (FreezeWallet(), WITH_PARTY, RESUMED),
     ("frozen", False)),
    ("stays frozen where staff froze it too", (WITH_PARTY, FreezeWallet(), RESUMED),
     ("frozen", False)),
    ("is not frozen: nothing to undo", (RESUMED,), ("active", False)),
    ("was closed meanwhile", (WITH_PARTY, CloseWallet(0)), ("closed", False)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("commands", "is_then"), [pytest.param(*case[1:], id=case[0]) for case in TOGETHER]
)
def test_a_wallet_follows_its_party_and_no_further(
    commands: tuple[WalletCommand, ...], is_then: tuple[str, bool]
) -> None:
    wallet = after(OPEN, *commands)

    assert (wallet.state, wallet.frozen_with_party) == is_then


@pytest.mark.parametrize("frozen", [WITH_PARTY, FreezeWallet()])
def test_nothing_of_a_suspended_party_is_unfrozen(frozen: FreezeWallet) -> None:
    refused = decide(after(OPEN, frozen), UnfreezeWallet(suspended=True))

    assert isinstance(refused, Refused)
    assert refused.code == "party_suspended"


def test_a_wallet_takes_its_partys_tier_and_follows_it() -> None:
    opened = after(replace(OPEN, party="p-1", tier=3))

    assert (opened.party, opened.tier, after(OPEN).tier) == ("p-1", 3, 1)
    assert after(OPEN, RetierWallet(2)).tier == 2
    assert decide(after(OPEN, RetierWallet(2)), RetierWallet(2)) == ()


def test_only_an_active_party_gets_a_wallet() -> None:
    refused = decide(None, replace(OPEN, party="p-1", party_active=False))

    assert isinstance(refused, Refused)
    assert refused.code == "party_not_active"


def test_a_wallet_from_before_there_were_parties_folds_as_it_did() -> None:
    decided = decide(None, OPEN)
    assert not isinstance(decided, Refused)
    old = decided[0].model_dump(exclude={"party", "tier"})

    opened = EVENTS["mmo.wallet.opened.v1"].model_validate(old)
    frozen = EVENTS["mmo.wallet.frozen.v1"].model_validate({})

    wallet = evolve(None, opened, identifier="w-1", version=1, at=AT)
    assert wallet == after(OPEN)
    assert evolve(wallet, frozen, identifier="w-1", version=2, at=AT) == after(OPEN, FreezeWallet())

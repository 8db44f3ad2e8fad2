"""A party's life, its place in the tree, and what is on file of it."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.kernel.refusals import Refused
from mmo.parties.commands import (
    Above,
    ActivateParty,
    AddDocument,
    AssignOffice,
    ChangeParty,
    CloseParty,
    CloseStore,
    MoveParty,
    OpenStore,
    PartyCommand,
    RegisterParty,
    RejectKyc,
    RemoveDocument,
    ResumeParty,
    SuspendParty,
    VerifyParty,
)
from mmo.parties.document import DOCUMENT_TYPES, Document
from mmo.parties.events import EVENTS
from mmo.parties.party import DOCUMENTS_MAX, LEVELS_MAX, STORES_MAX, Party, decide, evolve

AT = datetime(2026, 11, 27, tzinfo=UTC)
REGISTER = RegisterParty(kind="agent", person="enc:v1:x", alias="0a" * 16, language="sw")
MERCHANT = replace(REGISTER, kind="merchant")
ACTIVATE = ActivateParty()
SUSPEND, RESUME = SuspendParty(reason="a complaint"), ResumeParty(reason="it was none")
CLOSE = CloseParty(reason="left the trade", wallets=0, children=0)
VERIFY, REJECT = VerifyParty(tier=2, reason="passport seen"), RejectKyc(reason="a forged card")
SHOP = OpenStore(store="s-1", name="Duka la Amina")
SUPER = Above(id="super", kind="super_agent", state="active")
PASSPORT = AddDocument(
    document="d-1", type="passport", country="KE", expires=date(2026, 11, 30), sha256="ab" * 32,
    size=1000, media_type="image/png",
)  # fmt: skip


def after(*commands: PartyCommand) -> Party:
    party: Party | None = None
    for command in commands:
        decided = decide(party, command)
        assert not isinstance(decided, Refused), decided
        for event in decided:
            version = (party.version if party else 0) + 1
            party = evolve(party, event, identifier="p-1", version=version, at=AT)
    assert party is not None
    return party


def test_somebody_new_is_registered_and_nothing_is_proved() -> None:
    party = after(REGISTER)

    assert (party.state, party.kyc, party.tier, party.version) == (
        "registered", "unverified", 0, 1,
    )  # fmt: skip


LIVES: list[tuple[tuple[PartyCommand, ...], str]] = [
    ((ACTIVATE,), "active"),
    ((ACTIVATE, SUSPEND), "suspended"),
    ((ACTIVATE, SUSPEND, RESUME), "active"),
    ((CLOSE,), "closed"),
    ((ACTIVATE, SUSPEND, CLOSE), "closed"),
]


@pytest.mark.parametrize(("commands", "state"), LIVES)
def test_a_command_leads_to_its_state(commands: tuple[PartyCommand, ...], state: str) -> None:
    assert after(REGISTER, *commands).state == state


SO_ALREADY: list[tuple[PartyCommand, ...]] = [
    (ACTIVATE, ACTIVATE),
    (ACTIVATE, RESUME),
    (ACTIVATE, SUSPEND, SUSPEND),
    (CLOSE, CLOSE),
    (VERIFY, VERIFY),
    (REJECT, REJECT),
    (AssignOffice(office="o-1"), AssignOffice(office="o-1")),
    (MoveParty(parent=SUPER, height=1), MoveParty(parent=SUPER, height=1)),
    (MoveParty(parent=None, height=1),),
    (PASSPORT, PASSPORT),
]


@pytest.mark.parametrize("commands", SO_ALREADY)
def test_what_is_so_already_changes_nothing(commands: tuple[PartyCommand, ...]) -> None:
    *before, again = commands

    assert decide(after(REGISTER, *before), again) == ()


def test_a_registration_again_registers_nobody() -> None:
    assert decide(after(REGISTER), REGISTER) == ()


FULL = [replace(PASSPORT, document=f"d{number}") for number in range(DOCUMENTS_MAX)]
SHOPS = [replace(SHOP, store=f"s{number}") for number in range(STORES_MAX)]
DEEP = replace(SUPER, path=tuple(f"above-{level}" for level in range(LEVELS_MAX - 1)))
REFUSED: list[tuple[str, list[PartyCommand], PartyCommand]] = [
    ("party_not_found", [], ACTIVATE),
    ("party_not_active", [REGISTER], SUSPEND),
    ("party_not_active", [REGISTER], RESUME),
    ("party_suspended", [REGISTER, ACTIVATE, SUSPEND], ACTIVATE),
    ("party_closed", [REGISTER, CLOSE], ACTIVATE),
    ("party_closed", [REGISTER, CLOSE], VERIFY),
    ("party_closed", [REGISTER, CLOSE], PASSPORT),
    ("party_closed", [], replace(REGISTER, parent=replace(SUPER, state="closed"))),
    ("party_has_wallets", [REGISTER], replace(CLOSE, wallets=1)),
    ("party_has_children", [REGISTER], replace(CLOSE, children=1)),
    ("parent_kind_invalid", [], replace(REGISTER, parent=replace(SUPER, kind="agent"))),
    ("parent_kind_invalid", [], replace(MERCHANT, parent=SUPER)),
    ("parent_kind_invalid", [MERCHANT], MoveParty(parent=SUPER, height=1)),
    ("tree_too_deep", [], replace(REGISTER, parent=DEEP)),
    ("party_kind_invalid", [REGISTER], SHOP),
    ("store_not_found", [MERCHANT], CloseStore(store="s-9")),
    ("too_many_stores", [MERCHANT, *SHOPS], SHOP),
    ("document_not_found", [REGISTER], RemoveDocument(document="d-9")),
    ("too_many_documents", [REGISTER, *FULL], PASSPORT),
]


@pytest.mark.parametrize(("code", "before", "command"), REFUSED)
def test_what_cannot_be_is_refused(
    code: str, before: list[PartyCommand], command: PartyCommand
) -> None:
    refused = decide(after(*before) if before else None, command)

    assert isinstance(refused, Refused)
    assert refused.code == code


def test_nobody_stands_above_themselves_at_any_distance() -> None:
    chief = after(replace(REGISTER, kind="super_agent"))
    for parent in (
        replace(SUPER, id=chief.id),
        replace(SUPER, path=(chief.id,)),
        replace(SUPER, path=("between", chief.id)),
    ):
        refused = decide(chief, MoveParty(parent=parent, height=3))

        assert isinstance(refused, Refused)
        assert refused.code == "parent_circular"


@given(above=st.integers(0, LEVELS_MAX + 2), height=st.integers(1, LEVELS_MAX + 2))
def test_a_tree_never_has_more_than_its_levels(above: int, height: int) -> None:
    parent = replace(SUPER, path=tuple(f"above-{level}" for level in range(above)))

    decided = decide(
        after(replace(REGISTER, kind="super_agent")), MoveParty(parent=parent, height=height)
    )

    assert isinstance(decided, Refused) == (above + 1 + height > LEVELS_MAX)


def test_tier_and_kyc_follow_what_was_proved() -> None:
    verified, rejected = after(REGISTER, VERIFY), after(REGISTER, VERIFY, REJECT)

    assert (verified.kyc, verified.tier) == ("verified", 2)
    assert (rejected.kyc, rejected.tier) == ("rejected", 0)
    assert after(REGISTER, VERIFY, REJECT, VERIFY) == replace(verified, version=4)


def test_a_store_is_opened_and_closed_and_its_name_stays() -> None:
    merchant = after(MERCHANT, SHOP, replace(SHOP, store="s-2"), CloseStore(store="s-1"))

    assert [(one.id, one.state) for one in merchant.stores] == [("s-1", "closed"), ("s-2", "open")]
    assert decide(merchant, CloseStore(store="s-1")) == ()


def test_a_document_counts_until_the_end_of_its_last_day() -> None:
    (document,) = after(REGISTER, PASSPORT).documents

    assert [document.expired(date(2026, day[0], day[1])) for day in ((11, 30), (12, 1))] == [
        False, True,
    ]  # fmt: skip
    assert Document.of(document.row()) == document
    assert after(REGISTER, PASSPORT, RemoveDocument(document="d-1")).documents == ()
    assert len(set(DOCUMENT_TYPES)) == 17


COMMANDS: list[PartyCommand] = [
    REGISTER, ACTIVATE, SUSPEND, RESUME, CLOSE, replace(CLOSE, wallets=1), VERIFY, REJECT,
    MoveParty(parent=SUPER, height=1), MoveParty(parent=None, height=1),
    AssignOffice(office="o-1"), PASSPORT, RemoveDocument(document="d-1"), SHOP,
    ChangeParty(person="enc:v1:y", alias="0b" * 16, language="en"),
]  # fmt: skip


@given(st.lists(st.sampled_from(COMMANDS), max_size=30))
def test_every_event_counts_once_reads_back_and_none_follows_the_end(
    commands: list[PartyCommand],
) -> None:
    party: Party | None = None
    count = 0
    for command in commands:
        ended = party is not None and party.state == "closed"
        decided = decide(party, command)
        for event in () if isinstance(decided, Refused) else decided:
            assert not ended
            name = next(name for name, kind in EVENTS.items() if kind is type(event))
            assert EVENTS[name].model_validate_json(event.model_dump_json()) == event
            count += 1
            party = evolve(party, event, identifier="p-1", version=count, at=AT)
    assert (party.version if party else 0) == count

"""Asks and approvals: everybody counts once, where it helps most; and nothing is taken back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.bep.verdict import Approval, Ask, merged, unmet

MANAGER, RISK = Ask(roles=("manager",)), Ask(roles=("risk",))
TWO = Ask(roles=("manager", "director"), people=2)


def by(subject: str, *roles: str) -> Approval:
    return Approval(subject=subject, roles=roles)


CASES: dict[str, tuple[list[Ask], list[Approval], list[Ask]]] = {
    "nobody asked": ([], [], []),
    "nobody agreed": ([MANAGER], [], [MANAGER]),
    "somebody with the role": ([MANAGER], [by("a", "manager")], []),
    "somebody without it": ([MANAGER], [by("a", "teller")], [MANAGER]),
    "one person for two asks": ([MANAGER, RISK], [by("a", "manager", "risk")], [RISK]),
    "two people, the first of both roles": (
        [MANAGER, RISK], [by("a", "manager", "risk"), by("b", "manager")], []
    ),
    "two of two": ([TWO], [by("a", "manager"), by("b", "director")], []),
    "one of two": ([TWO], [by("a", "manager")], [TWO]),
    "the same one twice": ([TWO], [by("a", "manager"), by("a", "manager")], [TWO]),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_what_is_still_lacking(what: str) -> None:
    asks, approvals, lacking = CASES[what]

    assert list(unmet(asks, approvals)) == lacking


ROLES = ("a", "b", "c")
asked = st.builds(
    Ask,
    roles=st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True).map(tuple),
    people=st.integers(1, 2),
)
agreed = st.builds(
    Approval,
    subject=st.sampled_from(["p", "q", "r", "s"]),
    roles=st.lists(st.sampled_from(ROLES), max_size=3, unique=True).map(tuple),
)


def places(asks: list[Ask], approvals: list[Approval]) -> int:
    """The most places that the people can fill, by trying everything."""
    free = [ask.roles for ask in asks for _ in range(ask.people)]
    people = list({one.subject: set(one.roles) for one in approvals}.values())

    def best(index: int, left: tuple[tuple[str, ...], ...]) -> int:
        if index == len(people):
            return 0
        found = best(index + 1, left)
        for number, roles in enumerate(left):
            if people[index] & set(roles):
                rest = left[:number] + left[number + 1 :]
                found = max(found, 1 + best(index + 1, rest))
        return found

    return best(0, tuple(free))


@given(st.lists(asked, max_size=3), st.lists(agreed, max_size=4))
def test_asks_are_met_exactly_when_people_can_be_placed(
    asks: list[Ask], approvals: list[Approval]
) -> None:
    wanted = sum(ask.people for ask in asks)

    assert (unmet(asks, approvals) == ()) == (places(asks, approvals) == wanted)


ESCALATING = Ask(roles=("manager",), escalate_s=60, escalate_to=("director",))
ESCALATED = Ask(roles=("manager", "director"), escalate_s=60, escalate_to=("director",))


@pytest.mark.parametrize(
    ("before", "now", "both"),
    [
        ([MANAGER], [MANAGER], [MANAGER]),
        ([MANAGER], [], [MANAGER]),
        ([MANAGER], [RISK], [MANAGER, RISK]),
        ([ESCALATED], [ESCALATING], [ESCALATED]),
        ([ESCALATED], [MANAGER], [ESCALATED, MANAGER]),
    ],
)
def test_what_was_asked_before_is_asked_still_and_what_is_new_besides(
    before: list[Ask], now: list[Ask], both: list[Ask]
) -> None:
    assert list(merged(before, now)) == both


@given(asked)
def test_an_ask_is_read_as_it_was_written(ask: Ask) -> None:
    assert Ask.of(ask.row()) == ask

"""Posting rules: tables that cancel out whatever their symbols are worth."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.movements.emoney_redemption import RETURN
from mmo.movements.p2p_transfer import SendMoney
from mmo.movements.support.accounts import AGENT, EXCISE, PAYEE, PAYER
from mmo.movements.support.catalogue import movements
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step, UnboundRoleError
from mmo.movements.support.posting_rule import (
    NegativeLineError,
    PostingRule,
    UnbalancedRuleError,
    credit,
    debit,
)
from mmo.movements.support.symbols import MEANINGS, A, F, X

RULES = {f"{m.name}/{step.number}": step.rule for m in movements().values() for step in m.steps}
VALUES = st.dictionaries(st.sampled_from(sorted(MEANINGS)), st.integers(0, 10**12))


@pytest.mark.case("G14")
@pytest.mark.parametrize("name", RULES)
@given(VALUES)
def test_money_is_neither_created_nor_destroyed(name: str, values: dict[str, int]) -> None:
    try:
        filled = RULES[name].fill(values)
    except NegativeLineError:
        return
    assert sum(minor for _, minor in filled) == 0


def test_a_lopsided_rule_cannot_be_written_down() -> None:
    with pytest.raises(UnbalancedRuleError, match=r"left over: - F"):
        PostingRule(debit(PAYER, A + F + X), credit(PAYEE, A), credit(EXCISE, X))


def test_a_rule_about_nobody_cannot_be_written_down() -> None:
    to_an_agent = Step(1, "given", debit(PAYER, A), credit(AGENT, A))

    with pytest.raises(UnboundRoleError, match="agent"):
        Movement(
            number=1,
            name="x",
            title="X",
            entity="x",
            action="x",
            command=SendMoney,
            asked_by="payer",
            steps=(to_an_agent,),
        )


def test_two_steps_cannot_have_one_number() -> None:
    twice = (Step(1, "a", debit(PAYER, A), credit(PAYEE, A)),) * 2

    with pytest.raises(ValueError, match="one number"):
        Movement(
            number=1,
            name="x",
            title="X",
            entity="x",
            action="x",
            command=SendMoney,
            asked_by="payer",
            steps=twice,
        )


def test_the_last_step_may_repeat_under_following_numbers_and_no_other_may() -> None:
    redemption = movements()["emoney-redemption"]

    assert redemption.step(3) is redemption.step(17) is RETURN
    with pytest.raises(KeyError):
        movements()["p2p-transfer"].step(2)


def test_parties_are_read_off_the_types_of_the_command() -> None:
    class Odd(Command):
        giver: Annotated[WalletRef, Role("payer", "agent", "customer")]

    assert {name: (r.name, r.kinds) for name, r in Odd.parties.items()} == {
        "giver": ("payer", frozenset({"agent", "customer"}))
    }

"""Posting rules: tables that cancel out whatever their symbols are worth."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.movements.cash_in import PAY_IN
from mmo.movements.cash_out import PAY_OUT
from mmo.movements.emoney_issuance import CANCEL, RECORD, RELEASE
from mmo.movements.emoney_redemption import PAY, REQUEST, RETURN
from mmo.movements.float_top_up import TOP_UP
from mmo.movements.p2p_transfer import SEND, SendMoney
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
WORKED = {"A": 100_000, "F": 2_500, "X": 500, "C1": 800, "C2": 200, "W1": 40, "W2": 10}
"""The worked numbers of the trade's handbook: 1000.00, fee 25, excise 5, commission 8 and 2."""


def legs(step: Step, values: dict[str, int]) -> dict[str, int]:
    return {str(account): minor for account, minor in step.rule.fill(values)}


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
            name="x",
            title="X",
            entity="x",
            action="x",
            command=SendMoney,
            asked_by="payer",
            steps=twice,
        )


def test_a_line_that_turns_round_is_an_error_not_a_smaller_posting() -> None:
    with pytest.raises(NegativeLineError, match=r"agent\.commission"):
        PAY_IN.rule.fill({"A": 1000, "C1": 5, "W1": 6})


def test_a_priced_p2p_transfer_has_four_legs() -> None:
    assert legs(SEND, WORKED) == {
        "payer": -103_000,
        "payee": 100_000,
        "OP.FEES": 2_500,
        "TAX.EXCISE": 500,
    }


def test_a_cash_in_pays_commission_from_the_pool_and_withholds_tax() -> None:
    assert legs(PAY_IN, WORKED) == {
        "agent": -100_000,
        "payee": 100_000,
        "OP.COMMISSION_POOL": -1_000,
        "agent.commission": 760,
        "super-agent.commission": 190,
        "TAX.WHT": 50,
    }


def test_a_cash_out_charges_the_customer_and_pays_the_agent() -> None:
    assert legs(PAY_OUT, WORKED) == {
        "payer": -103_000,
        "agent": 100_000,
        "OP.FEES": 2_500,
        "TAX.EXCISE": 500,
        "OP.COMMISSION_POOL": -1_000,
        "agent.commission": 760,
        "super-agent.commission": 190,
        "TAX.WHT": 50,
    }


def test_a_float_top_up_gives_the_agent_what_the_super_agent_loses() -> None:
    assert legs(TOP_UP, WORKED) == {"payer": -100_000, "payee": 100_000}


def test_issued_emoney_waits_between_the_bank_and_its_holder() -> None:
    assert legs(RECORD, WORKED) == {"TRUST_BANK": -100_000, "ISSUANCE_PENDING": 100_000}
    assert legs(RELEASE, WORKED) == {"ISSUANCE_PENDING": -100_000, "payee": 100_000}
    assert legs(CANCEL, WORKED) == {"ISSUANCE_PENDING": -100_000, "TRUST_BANK": 100_000}


def test_redeemed_emoney_waits_for_the_bank_and_comes_back_when_it_does_not_pay() -> None:
    assert legs(REQUEST, WORKED) == {"payer": -100_000, "REDEMPTION_PENDING": 100_000}
    assert legs(PAY, WORKED) == {"REDEMPTION_PENDING": -100_000, "TRUST_BANK": 100_000}
    assert legs(RETURN, WORKED) == {"REDEMPTION_PENDING": -100_000, "payer": 100_000}


def test_lines_that_move_nothing_are_left_out() -> None:
    assert legs(SEND, {"A": 1000}) == {"payer": -1000, "payee": 1000}


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

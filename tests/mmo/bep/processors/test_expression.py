"""Expression: the operator's own condition, which is cheap to ask or is not kept."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mmo.bep.conditions import NoAnswerError, TooMuchError
from mmo.bep.facts import Flag
from mmo.bep.processor import MetadataError
from mmo.bep.processors.expression import Expression
from mmo.bep.verdict import Allow, Ask, Refuse, RequireApproval
from tests.mmo.bep.cases import FREEZE, NOW, OFFERS, TRANSFER, event, facts, party

RULE = Expression()
SUSPECT = Flag(list="wallet-flags", code="SUSPECT", since=NOW)
GONE = Flag(list="wallet-flags", code="GONE", since=NOW - timedelta(2), until=NOW - timedelta(1))
KNOWN = facts(payer=party("a", "customer", SUSPECT, GONE), payee=party("b", "agent"))
ASKED = event(minor=1000, roles=frozenset({"teller"}), product=7, data={"items": [1, 2, 3]})

CONDITIONS = [
    ("event.amount.minor <= 1000 && event.amount.currency == 'KES'", True),
    ("event.amount.minor > 1000", False),
    ("event.entity == 'wallet' && event.action == \"transfer\"", True),
    ("event.product == 7", True),
    ("'teller' in event.actor.roles && event.actor.subject != 'bob'", True),
    ("parties.payee.kind == 'agent' || parties.payer.state == 'frozen'", True),
    ("parties.payer.tier == 1 && parties.payee.tier < 2", True),
    ("'SUSPECT' in parties.payer.flags", True),
    ("'GONE' in parties.payer.flags", False),
    ("event.data.items.all(item, item > 0)", True),
    ("event.data.items.exists(item, item > 2) && size(event.data.items) == 3", True),
    ("event.data.items.filter(i, i > 1).map(i, i + 1) == [3, 4]", True),
    ("has(event.data.items) && !has(event.data.none)", True),
    ("facts.now.getHours() == 9 && facts.business_date == '2026-11-24'", True),
    ("facts.now < timestamp('2026-11-24T09:30:01Z')", True),
    ("event.actor.client.matches('^con') // all( of them", True),
    (r"event.actor.client != r'all(x, \' && event.actor.client.startsWith('c')", True),
]


@pytest.mark.parametrize(("source", "allowed"), CONDITIONS)
def test_true_allows_and_false_refuses(source: str, allowed: bool) -> None:
    metadata = RULE.read({"expression": source, "message": "not like this"}, TRANSFER, OFFERS)

    verdict = RULE.decide(ASKED, KNOWN, metadata)

    if allowed:
        assert verdict == Allow()
        return
    assert isinstance(verdict, Refuse)
    assert (verdict.code, verdict.reason) == ("expression_refused", "not like this")


def test_false_asks_where_the_rule_says_so() -> None:
    written = {"expression": "event.amount.minor < 5", "otherwise": "ask", "roles": ["risk"]}
    metadata = RULE.read({**written, "people": 2, "expiresSeconds": 60}, TRANSFER, OFFERS)

    verdict = RULE.decide(ASKED, KNOWN, metadata)

    assert isinstance(verdict, RequireApproval)
    assert verdict.asks == (Ask(roles=("risk",), people=2, expires_s=60),)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("event.data.nothing == 1", KeyError),
        ("event.amount.minor / 0 == 1", Exception),
        ("event.amount.minor", NoAnswerError),
        ("event.amount.minor > 'a'", TypeError),
    ],
)
def test_what_cannot_be_worked_out_raises_so_that_the_listener_refuses(
    source: str, fault: type[Exception]
) -> None:
    metadata = RULE.stored({"expression": source})

    with pytest.raises(fault):
        RULE.decide(ASKED, KNOWN, metadata)


@pytest.mark.parametrize(("items", "asked"), [(900, True), (1000, False)])
def test_an_event_with_too_many_values_is_not_asked_about(items: int, asked: bool) -> None:
    metadata = RULE.read({"expression": "event.data.all(k, k in event.data)"}, TRANSFER, OFFERS)
    large = event(minor=1000, data={str(number): number for number in range(items)})

    if asked:
        assert RULE.decide(large, KNOWN, metadata) == Allow()
    else:
        with pytest.raises(TooMuchError):
            RULE.decide(large, KNOWN, metadata)


NESTED = "event.data.items.all(a, event.data.items.all(b, a == b))"
WRONG = [
    ("event.amount.minor >", "line 1, column 21"),
    ("event.amount.minor\n> (3", "line 2"),
    ("evnt.amount.minor > 3", "there is no evnt; did you mean event?"),
    ("event.entity.lowerAscii() == 'a'", "there is no function lowerAscii"),
    ("item > 3", "there is no item"),
    (NESTED, "all inside all"),
    ("event.data.items.map // (\n (a, event.data.items.map(b, a))", "map inside"),
    ("event.data.items.all(a, (true && a.matches('x')))", "matches inside"),
    ("event.data.items.map(a, a + a).map(a, a + a) == []", "at most one map"),
    (" && ".join(["[1].all(a, a == 1)"] * 6), "at most 5"),
    ("+".join(["1"] * 40) + " == 40", "at most 30 times +"),
    ("(" * 300 + "true" + ")" * 300, ""),
    ("'''all''' == 'all'", "one pair of quotes"),
    ("'open", "one pair of quotes"),
    ("true" + " " * 1000, "1000 characters"),
    ("", "at least 1 character"),
]


@pytest.mark.parametrize(("source", "what"), WRONG)
def test_an_expression_that_is_wrong_or_costs_too_much_is_turned_away(
    source: str, what: str
) -> None:
    with pytest.raises(MetadataError) as told:
        RULE.read({"expression": source}, TRANSFER, OFFERS)

    ((pointer, message),) = told.value.errors
    assert pointer == "/expression"
    assert what in message


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"otherwise": "ask"}, "name the roles"),
        ({"otherwise": "ask", "roles": ["rsk"]}, "did you mean risk?"),
    ],
)
def test_who_is_asked_must_exist(more: dict[str, Any], what: str) -> None:
    with pytest.raises(MetadataError, match=what.replace("?", r"\?")):
        RULE.read({"expression": "true", **more}, FREEZE, OFFERS)


def test_a_stored_expression_that_no_longer_compiles_is_not_read() -> None:
    with pytest.raises(MetadataError):
        RULE.stored({"expression": NESTED})


MISSPELT = [
    ("event.ammount.minor < 5", "there is no ammount in event; did you mean amount?"),
    ("event.amount.minr < 5", "there is no minr in event.amount; did you mean minor?"),
    ("event['amount']['minr'] < 5", "did you mean minor?"),
    ("parties.payr.tier == 3", "there is no payr in parties; did you mean payer?"),
    ("event.entity == 'x' || parties.payer.teir == 3", "did you mean tier?"),
    ("true || has(parties.payer.flgs)", "did you mean flags?"),
    ("event.actor.role == 'x'", "did you mean roles?"),
    ("facts.busines_date == '2026-11-24'", "did you mean business_date?"),
    ("event.data.movment == 'cash-in'", "did you mean movement?"),
    ("parties.payer.flags.exists(f, parties.payer.knd == f)", "did you mean kind?"),
    ("event.amount.value < '5000'", "compare event.amount.minor"),
    ("'5000' > event.amount['value']", "compare event.amount.minor"),
    ("string(event.amount.minor) < '5000'", "compare event.amount.minor"),
    ("event.amount.minor < '5000'", "example of wallet.transfer"),
    ("parties.payer.tier == 7 && event.amount.minor < '5000' || true", None),
    ("event.amount.minor", "example of wallet.transfer: the condition came to a int"),
    ("parties.payer.tier > 0 || event.amount.minor / 0 == 1", "example of wallet.transfer"),
    ("parties.payer.kind.startsWith('c') || parties.payer.tier > 'x'", "example of wallet"),
    ("event.actor.attributes.office == 'main' || event.product == 7", None),
    ("event.data.movement == 'p2p-transfer' // event.nothing", None),
    ("event.actor.client == 'event.nothing'", None),
]


@pytest.mark.parametrize(("source", "what"), MISSPELT)
def test_a_rule_is_tried_on_examples_of_its_event_when_it_is_set(
    source: str, what: str | None
) -> None:
    kind = replace(TRANSFER, data=("movement",))

    if what is None:
        RULE.read({"expression": source}, kind, OFFERS)
        return
    with pytest.raises(MetadataError) as told:
        RULE.read({"expression": source}, kind, OFFERS)
    ((pointer, message),) = told.value.errors
    assert pointer == "/expression"
    assert what in message


def test_an_event_without_an_amount_has_none_to_compare() -> None:
    with pytest.raises(MetadataError, match=r"example of wallet\.freeze"):
        RULE.read({"expression": "event.amount.minor < 5"}, FREEZE, OFFERS)
    RULE.read({"expression": "event.amount == null || event.amount.minor < 5"}, FREEZE, OFFERS)


def test_a_rule_that_was_set_before_it_was_tried_is_still_read() -> None:
    assert RULE.stored({"expression": "event.amount.value == '10.00'"})


def test_a_member_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(MetadataError, match=r"no member expresion; did you mean expression\?"):
        RULE.read({"expresion": "true"}, TRANSFER, OFFERS)

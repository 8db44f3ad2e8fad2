"""The listener: all rules of an event at once, the strictest binds, and faults fail closed."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mmo.bep.event import BusinessEvent, EventActor, EventKind, Phase
from mmo.bep.facts import Need, RuleFacts
from mmo.bep.listener import CPU_MAX_US, BusinessEventListener, Consideration
from mmo.bep.processor import Metadata, Validator
from mmo.bep.registry import Processor
from mmo.bep.snapshot import Snapshot, Stored, compiled
from mmo.bep.verdict import Allow, Ask, Refuse, RequireApproval, Verdict

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KIND = EventKind(entity="wallet", action="transfer", title="Transfer", amount=True, product=True)
FACTS = RuleFacts(now=NOW, business_date=date(2026, 11, 24))


class Plain(Metadata):
    """What the rule of a test is to say."""

    says: str = "allow"


class Saying(Validator[Plain]):
    """A processor that says what its settings say."""

    name = "saying"
    title = "Saying"
    help = "For tests."
    metadata = Plain

    def decide(self, event: BusinessEvent, facts: RuleFacts, metadata: Plain) -> Verdict:
        answers: dict[str, Callable[[], Verdict]] = {
            "allow": Allow,
            "refuse": lambda: Refuse("same_party", "no"),
            "ask": lambda: RequireApproval((Ask(roles=("manager",)),)),
            "need": lambda: facts.value(Need("roles")) or Allow(),
            "crash": lambda: {}["nothing"],
        }
        return answers[metadata.says]()


class Other(Saying):
    name = "another"


PROCESSORS: dict[str, Processor] = {"saying": Saying(), "another": Other()}


def stored(says: str, processor: str = "saying", **more: Any) -> Stored:
    about: dict[str, Any] = {
        "definition": f"{processor}-{says}", "version": 1, "event": KIND.name, "phase": Phase.PRE,
        "product": None, "processor": processor, "mode": "binding", "metadata": {"says": says},
    }  # fmt: skip
    return Stored(**(about | more))


def rules(*which: Stored) -> Snapshot:
    return compiled(7, which, PROCESSORS, {KIND.name: KIND})


def considered(
    snapshot: Snapshot, product: int | None = None, clock: Callable[[], int] | None = None
) -> Consideration:
    event = BusinessEvent(
        kind=KIND, phase=Phase.PRE, id="m-1", at=NOW, product=product,
        actor=EventActor(subject="alice", client="app"),
    )  # fmt: skip
    listener = BusinessEventListener(clock) if clock else BusinessEventListener()
    return listener.before(event, FACTS, snapshot)


def test_without_rules_nobody_is_asked() -> None:
    said = considered(rules())

    assert (said.said, said.violations, said.asks) == ((), (), ())


def test_every_rule_is_asked_and_every_violation_told() -> None:
    said = considered(rules(stored("refuse"), stored("refuse", "another"), stored("ask")))

    assert [one.rule.stored.processor for one in said.said] == ["another", "saying", "saying"]
    assert len(said.violations) == 2
    assert [ask.roles for ask in said.asks] == [("manager",)]


@pytest.mark.parametrize("says", ["crash", "need"])
def test_a_rule_that_crashes_refuses_and_names_its_incident(says: str) -> None:
    (violation,) = considered(rules(stored(says))).violations

    assert violation.code == "rule_failed"
    assert violation.details["incident"] == f"m-1/saying-{says}@1"
    assert violation.details["error"] == "KeyError"


BROKEN = {
    "a processor that is gone": {"processor": "gone"},
    "settings that it does not take any more": {"metadata": {"says": "allow", "more": 1}},
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_rule_that_cannot_be_read_refuses(what: str) -> None:
    (violation,) = considered(rules(stored("allow", **BROKEN[what]))).violations

    assert violation.code == "rule_failed"


def test_a_rule_that_takes_too_long_refuses_whatever_it_said() -> None:
    moments = iter([0, CPU_MAX_US + 1])

    (violation,) = considered(rules(stored("allow")), clock=lambda: next(moments)).violations

    assert (violation.code, violation.details["us"]) == ("rule_failed", CPU_MAX_US + 1)


def test_a_shadow_rule_is_recorded_and_never_binds() -> None:
    said = considered(rules(stored("refuse", mode="shadow"), stored("crash", mode="shadow")))

    assert said.violations == ()
    assert [row["verdict"] for row in said.rows()] == ["refuse", "refuse"]
    assert {row["mode"] for row in said.rows()} == {"shadow"}


def test_a_rule_that_needs_a_second_look_is_still_recorded_by_name_and_version() -> None:
    (row,) = considered(rules(stored("allow", version=3))).rows()

    assert {name: row[name] for name in ("processor", "definition", "version", "verdict")} == {
        "processor": "saying", "definition": "saying-allow", "version": 3, "verdict": "allow",
    }  # fmt: skip
    assert row["us"] >= 0


OF_PRODUCTS: dict[str, tuple[Sequence[Stored], int | None, list[str]]] = {
    "the default where the event has no product": ([stored("refuse")], None, ["saying-refuse"]),
    "the default for a product without one": ([stored("refuse")], 5, ["saying-refuse"]),
    "the product's own instead of the default": (
        [stored("refuse"), stored("allow", product=5)], 5, ["saying-allow"]
    ),
    "another product's is nobody else's": (
        [stored("refuse"), stored("allow", product=5)], 6, ["saying-refuse"]
    ),
    "another processor's default stays": (
        [stored("refuse", "another"), stored("allow", product=5)], 5,
        ["another-refuse", "saying-allow"],
    ),
    "a product's shadow leaves the binding default": (
        [stored("refuse"), stored("allow", product=5, mode="shadow")], 5,
        ["saying-refuse", "saying-allow"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OF_PRODUCTS)
def test_a_products_own_rule_replaces_the_default_of_its_processor(what: str) -> None:
    which, product, expected = OF_PRODUCTS[what]

    said = considered(rules(*which), product)

    assert [one.rule.stored.definition for one in said.said] == expected


@pytest.mark.parametrize(
    ("since", "until", "asked"),
    [(0, 1, True), (1, 2, False), (-2, -1, False), (-1, 0, False), (None, 1, True)],
)
def test_a_rule_is_in_force_from_its_beginning_until_just_before_its_end(
    since: int | None, until: int, asked: bool
) -> None:
    begins = None if since is None else NOW + timedelta(hours=since)

    said = considered(rules(stored("refuse", since=begins, until=NOW + timedelta(hours=until))))

    assert bool(said.said) is asked

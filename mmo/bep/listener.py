"""The one listener: it alone asks processors, for every event, and all rules at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmo.bep.event import BusinessEvent, Phase
from mmo.bep.facts import RuleFacts
from mmo.bep.processor import Reaction, Reactor, Validator
from mmo.bep.snapshot import Rule, Snapshot
from mmo.bep.verdict import Allow, Ask, Refuse, RequireApproval, Verdict

FAILED = "rule_failed"
"""The code of a rule that crashed, took too long or cannot be read: it fails closed."""
CPU_MAX_US = 250_000
"""Microseconds of its thread's processor time that one rule may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one rule said: one line of the decision record."""

    rule: Rule
    verdict: Verdict
    us: int
    """Microseconds of processor time."""

    @property
    def binds(self) -> bool:
        return self.rule.stored.mode == "binding"

    def row(self) -> dict[str, Any]:
        """As the decision record keeps it."""
        stored = self.rule.stored
        row: dict[str, Any] = {
            "processor": stored.processor,
            "definition": stored.definition,
            "version": stored.version,
            "mode": stored.mode,
            **told(self.verdict),
            "us": self.us,
        }
        if self.rule.needs:
            row["needs"] = [need.key for need in self.rule.needs]
        return row


def told(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON."""
    match verdict:
        case Allow():
            return {"verdict": "allow"}
        case Refuse(code, reason, details):
            return {"verdict": "refuse", "code": code, "reason": reason, "details": details}
        case RequireApproval(asks, reason):
            asked = [ask.row() for ask in asks]
            return {"verdict": "require_approval", "asks": asked, "reason": reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consideration:
    """What all rules of an event said, and what it comes to."""

    said: tuple[Said, ...] = ()

    @property
    def violations(self) -> tuple[Refuse, ...]:
        """Every binding refusal: they are all told, and any one of them refuses."""
        return tuple(s.verdict for s in self.said if s.binds and isinstance(s.verdict, Refuse))

    def told_violations(self) -> list[dict[str, Any]]:
        """The same for whoever is refused: each with the rule that it is of."""
        return [
            {
                "code": one.verdict.code,
                "reason": one.verdict.reason,
                "details": one.verdict.details,
                "processor": one.rule.stored.processor,
                "definition": one.rule.stored.definition,
                "version": one.rule.stored.version,
            }
            for one in self.said
            if one.binds and isinstance(one.verdict, Refuse)
        ]

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Everybody whose agreement binding rules ask for."""
        return tuple(
            ask
            for one in self.said
            if one.binds and isinstance(one.verdict, RequireApproval)
            for ask in one.verdict.asks
        )

    def rows(self) -> list[dict[str, Any]]:
        """The lines of the decision record."""
        return [one.row() for one in self.said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """What one reactor gives cause for."""

    rule: Rule
    reactions: tuple[Reaction, ...]


def _processor_time_us() -> int:
    return time.thread_time_ns() // 1000


class BusinessEventListener:
    """Puts an event to all its rules. Pure but for the clock that it measures them by."""

    def __init__(self, clock_us: Callable[[], int] = _processor_time_us) -> None:
        self._clock_us = clock_us

    def before(self, event: BusinessEvent, facts: RuleFacts, rules: Snapshot) -> Consideration:
        """Ask every validator; shadow rules too, whose verdicts are recorded and never bind.

        A rule that cannot be asked, crashes or takes too long refuses: nothing passes unseen.
        """
        found = rules.rules(event.kind.name, Phase.PRE, event.product, facts.now)
        return Consideration(said=tuple(self._ask(rule, event, facts) for rule in found))

    def after(
        self, event: BusinessEvent, facts: RuleFacts, rules: Sequence[Rule]
    ) -> tuple[Reacted, ...]:
        """Ask reactors what is to be done. Raises as they do: the caller tries again."""
        return tuple(
            Reacted(
                rule=rule,
                reactions=tuple(rule.processor.reactions(event, facts, rule.metadata)),
            )
            for rule in rules
            if isinstance(rule.processor, Reactor) and rule.metadata is not None
        )

    def _ask(self, rule: Rule, event: BusinessEvent, facts: RuleFacts) -> Said:
        began = self._clock_us()
        verdict = _verdict(rule, event, facts)
        took = self._clock_us() - began
        if took > CPU_MAX_US:
            verdict = _incident(rule, event, "took too long", {"us": took})
        return Said(rule=rule, verdict=verdict, us=took)


def _verdict(rule: Rule, event: BusinessEvent, facts: RuleFacts) -> Verdict:
    if not isinstance(rule.processor, Validator) or rule.metadata is None:
        return _incident(rule, event, "cannot be read", {})
    try:
        return rule.processor.decide(event, facts, rule.metadata)
    except Exception as error:  # noqa: BLE001 - whatever a processor does, it fails closed
        return _incident(rule, event, "crashed", {"error": type(error).__name__})


def _incident(rule: Rule, event: BusinessEvent, what: str, details: Mapping[str, Any]) -> Refuse:
    """A refusal by which the fault can be found again."""
    stored = rule.stored
    incident = f"{event.id}/{stored.definition}@{stored.version}"
    reason = f"the rule {stored.processor} {what}"
    return Refuse(FAILED, reason, {"incident": incident, "processor": stored.processor, **details})

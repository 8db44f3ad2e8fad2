"""Rules snapshot: all rules of a tenant at one version, compiled, so that deciding reads none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mmo.bep.event import EventKind, Phase
from mmo.bep.facts import Need
from mmo.bep.processor import MetadataError
from mmo.bep.registry import Processor

Mode = Literal["binding", "shadow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One version of a definition that is in force, as the database keeps it."""

    definition: str
    version: int
    event: str
    """`<entity>.<action>`."""
    phase: Phase
    product: int | None
    processor: str
    mode: Mode
    metadata: Any
    """The canonical settings, JSON."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A definition ready to be asked: a processor with its checked settings.

    `metadata` is None where the processor is gone, or does not take the settings any more: the rule
    then fails closed.
    """

    stored: Stored
    processor: Processor | None
    metadata: Any
    needs: tuple[Need, ...] = ()

    @property
    def order(self) -> tuple[int, str, str]:
        """Rules are asked in this order: binding ones first, then by name."""
        return (self.stored.mode == "shadow", self.stored.processor, self.stored.definition)

    def holds(self, at: datetime) -> bool:
        """Whether the rule is in force at that moment."""
        since, until = self.stored.since, self.stored.until
        return (since is None or since <= at) and (until is None or at < until)


_Key = tuple[str, Phase]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The rules of one tenant at one version of its rules. Immutable."""

    version: int
    by_event: Mapping[_Key, tuple[Rule, ...]] = field(default_factory=dict[_Key, tuple[Rule, ...]])
    needed: Mapping[_Key, tuple[Need, ...]] = field(default_factory=dict[_Key, tuple[Need, ...]])
    """Event and phase → all facts that any rule of it is decided on, each once."""

    def rules(
        self, event: str, phase: Phase, product: int | None, at: datetime
    ) -> tuple[Rule, ...]:
        """The rules of an event, in order. A product's own rule takes the default one's place."""
        found = [rule for rule in self.by_event.get((event, phase), ()) if rule.holds(at)]
        if not found:
            return ()
        own = {_slot(rule) for rule in found if rule.stored.product is not None}
        return tuple(rule for rule in found if _stands(rule, product, own))

    def needs(self, event: str, phase: Phase) -> tuple[Need, ...]:
        """All facts that any rule of the event is decided on, whatever product and moment."""
        return self.needed.get((event, phase), ())


def _slot(rule: Rule) -> tuple[str, str, Any]:
    return (rule.stored.processor, rule.stored.mode, rule.stored.product)


def _stands(rule: Rule, product: int | None, own: set[tuple[str, str, Any]]) -> bool:
    """A rule of the event's product, or a default whose processor has none for the product."""
    if rule.stored.product is not None:
        return rule.stored.product == product
    return (rule.stored.processor, rule.stored.mode, product) not in own


EMPTY = Snapshot(version=0)


def compiled(
    version: int,
    stored: Iterable[Stored],
    processors: Mapping[str, Processor],
    kinds: Mapping[str, EventKind],
) -> Snapshot:
    """Compile the rules that are in force. A rule that cannot be read stands, and fails closed."""
    by_event: dict[_Key, list[Rule]] = {}
    for one in stored:
        processor, kind = processors.get(one.processor), kinds.get(one.event)
        rule = Rule(stored=one, processor=processor, metadata=None)
        further: Sequence[str] = ()
        if processor is not None and kind is not None:
            try:
                metadata = processor.stored(one.metadata)
                needs = tuple(processor.needs(metadata, kind))
                rule = Rule(stored=one, processor=processor, metadata=metadata, needs=needs)
                further = processor.also_before(metadata)
            except MetadataError:
                further = ()
        by_event.setdefault((one.event, one.phase), []).append(rule)
        for name in further:
            by_event.setdefault((name, Phase.PRE), []).append(rule)
    return Snapshot(
        version=version,
        by_event={
            key: tuple(sorted(rules, key=lambda rule: rule.order))
            for key, rules in by_event.items()
        },
        needed={
            key: tuple(dict.fromkeys(need for rule in rules for need in rule.needs))
            for key, rules in by_event.items()
        },
    )

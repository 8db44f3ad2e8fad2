"""Short messages: who takes part in an event is told of it, in the operator's words.

The reaction names wallets and figures; the text is written where it is sent, for only there the
number is known. Nothing that a customer wrote comes into it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from mmo.bep.event import BusinessEvent, EventKind
from mmo.bep.facts import RuleFacts
from mmo.bep.processor import MetadataError, Offers, Reaction, Reactor
from mmo.bep.spelling import Settings
from mmo.bep.templates import TEMPLATE_MAX, VARIABLES, wrong_in
from mmo.kernel.money import LARGEST_MINOR
from mmo.kernel.spelling import nearest

LANGUAGES = ("en", "fr", "sw")
KIND = "sms"
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
Clock = Annotated[str, StringConstraints(pattern=_CLOCK.pattern, max_length=5)]
Template = Annotated[str, StringConstraints(min_length=1, max_length=TEMPLATE_MAX)]


class QuietHours(Settings):
    """When nobody is disturbed, by the operator's clock; over midnight where it ends earlier."""

    begin: Clock = Field(title="From", examples=["21:00"])
    end: Clock = Field(title="To", examples=["07:00"])


class Filters(Settings):
    """Which events count; all where nothing is said."""

    min_minor: int | None = Field(default=None, title="From amount", ge=0, le=LARGEST_MINOR)
    max_minor: int | None = Field(default=None, title="Up to amount", ge=0, le=LARGEST_MINOR)
    offices: tuple[str, ...] = Field(
        default=(), title="Offices", description="Of the actor; with all below.", max_length=100
    )
    products: tuple[int, ...] = Field(default=(), title="Products", max_length=100)


class ShortMessage(Settings):
    """What is told to whom, and when."""

    templates: dict[str, Template] = Field(
        title="Text by language",
        description=f"Variables: {', '.join(VARIABLES)}; written {{{{amount}}}}.",
        min_length=1,
        max_length=len(LANGUAGES),
    )
    recipient: str = Field(title="Recipient", description="A role of the event.", max_length=40)
    filters: Filters = Field(default_factory=Filters, title="Filters")
    quiet_hours: QuietHours | None = Field(default=None, title="Quiet hours")
    dedupe_key: Template | None = Field(
        default=None,
        title="Once a day for",
        description="Messages with the same key to the same wallet are sent once in 24 hours.",
    )


class Sms(Reactor[ShortMessage]):
    """Ask that a party be told by short message."""

    name = "sms"
    title = "Short message"
    help = "Tells somebody who takes part by SMS, after the event."
    metadata = ShortMessage

    def fits(self, kind: EventKind) -> bool:
        return super().fits(kind) and bool(kind.parties)

    def options(self, offers: Offers) -> Mapping[str, Any]:
        roles = sorted({role for kind in offers.events for role in kind.parties})
        return {
            "templates": {"languages": list(LANGUAGES), "variables": list(VARIABLES)},
            "recipient": roles,
            "filters": {"products": dict(offers.products)},
        }

    def read(self, written: Any, kind: EventKind, offers: Offers) -> ShortMessage:
        metadata = self.stored(written)
        if wrong := tuple(_wrong(metadata, kind, offers)):
            raise MetadataError(*wrong)
        return metadata

    def reactions(
        self, event: BusinessEvent, facts: RuleFacts, metadata: ShortMessage
    ) -> Sequence[Reaction]:
        wallet = event.parties.get(metadata.recipient)
        if wallet is None or not passes(metadata.filters, event):
            return ()
        kept = {"templates", "quiet_hours", "dedupe_key"}
        told = metadata.model_dump(mode="json", by_alias=False, include=kept)
        return (
            Reaction(
                kind=KIND,
                data={
                    **told,
                    "wallet": wallet,
                    "recipient": metadata.recipient,
                    **values(event, facts, metadata.recipient),
                },
            ),
        )


def passes(filters: Filters, event: BusinessEvent) -> bool:
    """Whether an event is one of those that are meant."""
    minor = event.amount.minor if event.amount else None
    if filters.min_minor is not None and (minor is None or minor < filters.min_minor):
        return False
    if filters.max_minor is not None and (minor is None or minor > filters.max_minor):
        return False
    if filters.products and event.product not in filters.products:
        return False
    office = event.actor.attributes.get("office", "")
    return not filters.offices or any(
        office == one or office.startswith(f"{one}/") for one in filters.offices
    )


def values(event: BusinessEvent, facts: RuleFacts, recipient: str) -> dict[str, Any]:
    """What a text about the event may say: figures and codes, and nothing that anybody wrote."""
    others = [role for role in event.parties if role != recipient]
    kinds = [facts.parties[role].kind for role in others if role in facts.parties]
    return {
        "event": event.kind.title,
        "amount_minor": event.amount.minor if event.amount else None,
        "currency": event.amount.currency if event.amount else "",
        "reference": str(event.data.get("movement") or event.id).replace("-", "")[-10:].upper(),
        "at": event.at.isoformat(),
        "counterparty": kinds[0].replace("_", " ") if kinds else "",
    }


def _wrong(metadata: ShortMessage, kind: EventKind, offers: Offers) -> Iterator[tuple[str, str]]:
    if metadata.recipient not in kind.parties:
        near = nearest(metadata.recipient, kind.parties)
        yield "/recipient", f"nobody is {metadata.recipient} in {kind.name}; {near}"
    for language, template in metadata.templates.items():
        if language not in LANGUAGES:
            yield f"/templates/{language}", f"no such language; {nearest(language, LANGUAGES)}"
        yield from ((f"/templates/{language}", what) for what in wrong_in(template))
        if not kind.amount and "{{amount}}" in template.replace(" ", ""):
            yield f"/templates/{language}", f"{kind.name} carries no amount"
    yield from (("/dedupeKey", what) for what in wrong_in(metadata.dedupe_key or ""))
    if metadata.filters.min_minor is not None and not kind.amount:
        yield "/filters/minMinor", f"{kind.name} carries no amount"
    for index, product in enumerate(metadata.filters.products):
        if product not in offers.products:
            yield f"/filters/products/{index}", f"there is no product {product}"

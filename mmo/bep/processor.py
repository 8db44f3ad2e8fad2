"""The contract of business event processors: configured by metadata, decided in memory, pure."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mmo.bep.event import BusinessEvent, EventKind, Phase
from mmo.bep.facts import Need, RuleFacts
from mmo.bep.verdict import Verdict
from mmo.kernel.json_words import pointer_of, words_of
from mmo.kernel.spelling import nearest


class Metadata(BaseModel):
    """A processor's settings: its JSON Schema draws the form, its validators are the check."""

    model_config = ConfigDict(frozen=True, extra="forbid")


M = TypeVar("M", bound=Metadata)


class MetadataError(ValueError):
    """Settings that the processor does not take: each with a JSON pointer, and what would do."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{pointer or '/'}: {what}" for pointer, what in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What a tenant has that settings may name: forms offer it, and validation holds to it."""

    roles: Mapping[int, str] = field(default_factory=dict[int, str])
    """Number → name."""
    products: Mapping[int, str] = field(default_factory=dict[int, str])
    code_lists: Mapping[str, Mapping[str, bool]] = field(
        default_factory=dict[str, Mapping[str, bool]]
    )
    """List → code → whether it is active."""
    tables: tuple[str, ...] = ()
    """Names of the tenant's data tables."""
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Table → the fields of its rows, where its schema names them all."""
    currencies: tuple[str, ...] = ()
    digits: Mapping[str, int] = field(default_factory=dict[str, int])
    """Currency → decimal digits of an amount."""
    events: tuple[EventKind, ...] = ()
    """The whole catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """Something to be done after an event: of a kind that an effect carries out."""

    kind: str
    data: Mapping[str, Any]
    """JSON; ids instead of anything personal."""


class BusinessEventProcessor(ABC, Generic[M]):
    """What every processor has. A class without instances of its own state: it is shared."""

    name: ClassVar[str]
    """Kebab-case; the address of its API."""
    title: ClassVar[str]
    help: ClassVar[str]
    """What it does, in a sentence or two, for whoever draws the form."""
    aliases: ClassVar[tuple[str, ...]] = ()
    phases: ClassVar[frozenset[Phase]]
    metadata: type[M]

    def fits(self, kind: EventKind) -> bool:
        """Whether the processor can work on such an event."""
        return bool(self.phases & kind.phases)

    def options(self, offers: Offers) -> Mapping[str, Any]:  # noqa: ARG002
        """What a form offers for the metadata's fields: field → choices."""
        return {}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> M:  # noqa: ARG002
        """Check settings, in any spelling that the processor takes. Raises MetadataError.

        The answer is the canonical form: that is what is stored, as its JSON.
        """
        return self.stored(written)

    def stored(self, canonical: Any) -> M:
        """Read settings in their canonical form. Raises MetadataError."""
        try:
            return self.metadata.model_validate(canonical)
        except ValidationError as error:
            raise MetadataError(*(_wrong(one, self.metadata) for one in error.errors())) from None

    def needs(self, metadata: M, kind: EventKind) -> Sequence[Need]:  # noqa: ARG002
        """The facts that a rule is decided on, beside the parties and the clock."""
        return ()

    def also_before(self, metadata: M) -> Sequence[str]:  # noqa: ARG002
        """Names of further events that the rule has a say before, such as those it blocks."""
        return ()


def _wrong(error: Mapping[str, Any], metadata: type[BaseModel]) -> tuple[str, str]:
    """Where settings are wrong, and what would do instead."""
    place = pointer_of(error["loc"])
    if error["type"] != "extra_forbidden":
        return place, words_of(error)
    name = str(error["loc"][-1])
    return (
        place,
        f"there is no member {name[:40]}; {nearest(name, members(metadata, error['loc']))}",
    )


def members(metadata: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The members that may stand where the last part of a place stands."""
    schema = metadata.model_json_schema()
    here: Any = schema
    for part in place[:-1]:
        here = here.get("items", {}) if isinstance(part, int) else here["properties"].get(part, {})
        here = next((one for one in here.get("anyOf", ()) if one.get("type") != "null"), here)
        here = schema["$defs"][here["$ref"].rpartition("/")[2]] if "$ref" in here else here
    return [*here.get("properties", ())]


class Validator(BusinessEventProcessor[M]):
    """Asked before the event: pure, and without side effects."""

    phases = frozenset({Phase.PRE})

    @abstractmethod
    def decide(self, event: BusinessEvent, facts: RuleFacts, metadata: M) -> Verdict:
        """Allow, refuse, or ask for approval. The answer depends on the arguments alone."""


class Reactor(BusinessEventProcessor[M]):
    """Asked after the event: says what is to be done, and does nothing."""

    phases = frozenset({Phase.POST})

    @abstractmethod
    def reactions(self, event: BusinessEvent, facts: RuleFacts, metadata: M) -> Sequence[Reaction]:
        """What the event gives cause for. The answer depends on the arguments alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A reaction as its effect receives it."""

    tenant: str
    tenant_id: int
    id: str
    """Of the event that asks for it: the same at every attempt, so that it is done once."""
    kind: str
    data: Mapping[str, Any]
    caused_by: Mapping[str, Any]
    """`event`, `type`, `definition`, `version` of what gave cause."""


class Effect(ABC):
    """Carries one kind of reaction out, for a plug-in that brings a kind of its own.

    Run by the `reactions` activity, with retries: it may be run twice for one `Requested.id`.
    """

    kind: ClassVar[str]

    @abstractmethod
    async def carry_out(self, requested: Requested) -> None:
        """Do it. An exception means: not yet, try again later."""

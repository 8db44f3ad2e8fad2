"""Facts that rules are decided on: read at once for all rules of an event, and recorded with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

NeedKind = Literal["roles", "velocity", "table", "tasks"]
"""What can be needed, with its terms and what is read for it.

`roles`: the roles that the actor holds now; a list of names, None for who is no user of staff.
`velocity` (window_s, by = wallet | counterparty | device, other?): the accepted movements of a
party's wallet within so many seconds; {"n": 2, "sum": minor units}. Of a device: those that came
with the same `device` claim. Of a counterparty: those with the wallet of the role `other`.
`table` (name, where = [[field, op, value] …]): how many rows of a data table about the party's
wallet satisfy all predicates; a number.
`tasks` (event): the open tasks that block that event for the party's wallet; a list of
{"id", "definition", "title"}."""


@dataclass(frozen=True, slots=True, init=False)
class Need:
    """A fact that a rule is decided on, beside what every event brings along.

    `party`: the role in the event whose wallet it is about; `about`: further terms, JSON values.
    Two equal needs are read once.
    """

    kind: NeedKind
    party: str
    about: str
    """The terms as canonical JSON, so that a need is a value."""

    def __init__(self, kind: NeedKind, party: str = "", **about: Any) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "party", party)
        object.__setattr__(self, "about", json.dumps(about, sort_keys=True, separators=(",", ":")))

    @property
    def key(self) -> str:
        """Under which name the fact is found and recorded."""
        return f"{self.kind}/{self.party}/{self.about}"

    @property
    def terms(self) -> Mapping[str, Any]:
        terms: Mapping[str, Any] = json.loads(self.about)
        return terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A flag on a wallet: a code of a code list, for a time."""

    list: str
    code: str
    since: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it counts at that moment."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyFacts:
    """A wallet that takes part, as it stands now."""

    id: str
    kind: str
    state: str
    currency: str = ""
    owner: str | None = None
    product: int | None = None
    flags: tuple[Flag, ...] = ()
    tier: int = 1
    """Of KYC, 0 to 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """All that the rules of one event are decided on. The clock is a fact."""

    now: datetime
    business_date: date
    parties: Mapping[str, PartyFacts] = field(default_factory=dict[str, PartyFacts])
    """Role → wallet."""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Key of a need → what was read for it, as JSON."""

    def value(self, need: Need) -> Any:
        """What was read for a need. Raises KeyError: then the rule fails closed."""
        return self.values[need.key]

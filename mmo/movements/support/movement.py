"""What a money movement is: command, business event, who may ask, steps with posting rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mmo.movements.support.accounts import Party
from mmo.movements.support.command import Command, PricedCommand, Role
from mmo.movements.support.posting_rule import Line, PostingRule
from mmo.movements.support.take_back import TakeBackBody
from mmo.movements.support.triggers import OnAnswer, Trigger
from mmo.movements.support.waking import Waker

Undoes = Literal["whole", "collect", "complete"]
"""The legs at once; what there is of the receiver's, into an account between; and from there."""
STEPS_END = 1000
"""Numbers from here on are those of holds and their releases."""
MOST_NUMBERS = 199
"""So that every counter of a movement's limits has a small number."""


class UnboundRoleError(ValueError):
    """A posting rule names a party that the command does not bring along."""


@dataclass(frozen=True, slots=True, init=False)
class Step:
    """One posting of a movement. Its number is part of the ledger's key, for ever."""

    number: int
    event: str
    """The business event, past participle: `cashed-in`."""
    state: str
    """The movement's state once this step is posted."""
    rule: PostingRule
    joined_by: frozenset[str]
    """Roles that the facts bring along, such as the agent's super-agent."""
    joins: tuple[Role, ...]
    """Who takes part from this step on: the wallets are named when it is asked for."""
    reserves: bool
    """Whether a party is debited, so that its money can be set aside."""
    repeats: bool
    """Whether the step, refused, is tried again under the numbers that follow, up to the next."""
    creates: bool
    """Whether it brings e-money into being: a suspension stops it, though it is not the first."""
    undoes: Undoes | None
    """Its legs are those of another movement turned round, instead of a rule's."""
    triggers: tuple[Trigger, ...]
    """What lets a later step be asked for: any one of them. The first step needs none."""
    released_by: tuple[Trigger, ...]
    """What lets the step's hold be given back, besides the end of an approval."""
    quiet_for: str
    """With this scope of the maker, the step's outcome is not what the caller waits for."""
    otherwise: str
    """The movement's state where the step is refused; "": as the movement says."""

    def __init__(
        self,
        number: int,
        event: str,
        *lines: Line,
        state: str = "posted",
        joined_by: frozenset[str] = frozenset(),
        joins: tuple[Role, ...] = (),
        repeats: bool = False,
        creates: bool = False,
        undoes: Undoes | None = None,
        triggers: tuple[Trigger, ...] = (),
        released_by: tuple[Trigger, ...] = (),
        quiet_for: str = "",
        otherwise: str = "",
    ) -> None:
        for name, value in (
            ("number", number),
            ("event", event),
            ("state", state),
            ("rule", PostingRule(*lines)),
            ("joined_by", joined_by | {role.name for role in joins}),
            ("joins", joins),
            ("reserves", undoes is not None or any(_is_debit_of_a_party(line) for line in lines)),
            ("repeats", repeats),
            ("creates", creates),
            ("undoes", undoes),
            ("triggers", triggers),
            ("released_by", released_by),
            ("quiet_for", quiet_for),
            ("otherwise", otherwise),
        ):
            object.__setattr__(self, name, value)


def _is_debit_of_a_party(line: Line) -> bool:
    return line.side == "debit" and isinstance(line.account, Party)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that a waiting movement takes from outside, as a signed document."""

    name: str
    """Its route: POST /v1/movements/{id}/<name>."""
    scope: str
    choices: tuple[str, ...]
    """What may be answered. None is meant where the body says nothing: that is refused."""
    maker_may: bool
    """Whether the one who asked for the movement may give the answer too."""
    summary: str
    asked_by: str | None = None
    """The role whose owner may give it, or staff for them; None: whoever has the scope."""
    joins: tuple[Role, ...] = ()
    """Whom the answer brings along: wallets that the command could not know. Such an answer has no
    route of the catalogue's: one that proves who they are gives it."""
    referenced: frozenset[str] = frozenset()
    """Choices that name an entry on the trust bank's statement."""
    proved: bool = False
    """Whether it needs the PIN wherever the movement itself, asked by the same hand, would."""

    @property
    def scope_on_behalf(self) -> str:
        """Of staff, who give it for the owner."""
        return f"{self.scope}:on-behalf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One entry of the catalogue."""

    number: int
    """Of the trade's list (M06 is 6), or above 60; counters of limits go by it, for ever."""
    name: str
    title: str
    """As people say it: "P2P transfer"."""
    entity: str
    action: str
    command: type[Command]
    asked_by: str | None
    """The role whose owner may ask; None: staff only."""
    steps: tuple[Step, ...]
    answers: tuple[Answer, ...] = ()
    grants: frozenset[str] = frozenset()
    """Scopes of the caller that the process asks about."""
    woken_by: tuple[Waker, ...] = ()
    """What the movement looks up for where it sleeps."""
    takes_back: type[TakeBackBody] | None = None
    """How a caller asks for it, where it undoes another movement."""
    undoes: frozenset[str] = frozenset()
    """Movements that it may undo; none: every one that can be undone."""
    _by_number: Mapping[int, Step] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_number", {step.number: step for step in self.steps})
        if not 0 < self.number <= MOST_NUMBERS:
            raise ValueError(f"{self.name}: a movement's number is 1 to {MOST_NUMBERS}")
        if list(self._by_number) != sorted(self._by_number):
            raise ValueError(f"{self.name}: steps stand in the order of their numbers")
        if len(self._by_number) != len(self.steps):
            raise ValueError(f"{self.name}: two steps have one number")
        known = {role.name for role in self.command.parties.values()}
        self._check_triggers()
        for step in self.steps:
            unbound = step.rule.roles - known - step.joined_by
            if unbound:
                raise UnboundRoleError(f"{self.name}/{step.number}: nobody is {min(unbound)}")
        if self.asked_by is not None and self.asked_by not in known:
            raise UnboundRoleError(f"{self.name}: nobody is {self.asked_by}, who should ask")

    def _check_triggers(self) -> None:
        """A later step that anything may ask for would be a hole; so would an unknown answer."""
        given = {(one.name, choice) for one in self.answers for choice in one.choices}
        for step in self.steps[1:]:
            if not step.triggers:
                raise ValueError(f"{self.name}/{step.number}: say what triggers {step.event}")
        for step in self.steps:
            for one in (*step.triggers, *step.released_by):
                if isinstance(one, OnAnswer) and (one.name, one.choice) not in given:
                    raise ValueError(f"{self.name}/{step.number}: nobody answers {one.choice}")

    def state_if_refused(self, step: Step) -> str:
        """The movement's state where the books refuse a step.

        While something is held, or the step is tried again, the movement waits; so it is told.
        """
        if step.otherwise:
            return step.otherwise
        return self.steps[0].state if step.repeats else "refused"

    def decides(self, number: int) -> bool:
        """Whether the step of that number is put to the rules and priced, each time it is tried."""
        return self.step(number).number == self.decided_at

    @property
    def decided_at(self) -> int:
        """The number of the first step that moves money: it is put to the rules and priced.

        A step before it asks somebody, and nothing is held meanwhile.
        """
        return next(step.number for step in self.steps if step.rule.lines or step.undoes)

    @property
    def priced(self) -> bool:
        """Whether the operator's tariff says what its first step costs."""
        return issubclass(self.command, PricedCommand)

    @property
    def scope(self) -> str:
        return f"movements:{self.name}"

    @property
    def scope_on_behalf(self) -> str:
        return f"movements:{self.name}:on-behalf"

    def parties_of(self, command: Mapping[str, Any]) -> dict[str, str]:
        """Role → wallet, of a canonical command."""
        return {
            role.name: str(command[field])
            for field, role in self.command.parties.items()
            if field in command
        }

    def step(self, number: int) -> Step:
        """Find a step; numbers between it and the next one belong to it where it repeats."""
        if number in self._by_number:
            return self._by_number[number]
        before = max((one for one in self._by_number if one < number), default=None)
        if before is None or not self._by_number[before].repeats:
            raise KeyError(number)
        return self._by_number[before]

    def tries(self, step: Step) -> range:
        """The numbers under which a step may be tried."""
        later = (one for one in self._by_number if one > step.number)
        end = min(later, default=STEPS_END) if step.repeats else step.number + 1
        return range(step.number, end)

    def event_type(self, number: int) -> str:
        """The type of the message that the step raises: `mmo.wallet.cashed-in.v1`."""
        return f"mmo.{self.entity}.{self.step(number).event}.v1"

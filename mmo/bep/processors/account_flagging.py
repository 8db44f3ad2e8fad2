"""Account flagging: whoever carries one of these flags may not take part.

The rule's source is the original design's accountFlaggingValidator; its document is taken as it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field

from mmo.bep.event import BusinessEvent, EventKind, Side
from mmo.bep.facts import PartyFacts, RuleFacts
from mmo.bep.processor import MetadataError, Offers, Validator
from mmo.bep.spelling import Settings
from mmo.bep.verdict import Allow, Refuse, Verdict
from mmo.kernel.spelling import nearest

REFUSAL = "invalid_action_for_flagged_account"
CODES_MAX = 100
LISTS: Mapping[str, tuple[str, ...]] = {
    "loan": ("loan-account-flags",),
    "savings": ("savings-account-flags",),
}
"""Entity → the code lists of its flags."""
WALLET_LISTS = ("wallet-flags", "customer-flags", "agent-flags", "merchant-flags")
"""The lists of every other entity: what takes part there are wallets."""


class BlockedFlags(Settings):
    """Which flags forbid the event, and on which side."""

    blocked_for_flags: tuple[str, ...] = Field(
        title="Blocked for flags",
        description="Codes of the entity's list of flags; any one of them forbids the event.",
        min_length=1,
        max_length=CODES_MAX,
    )
    side: Side = Field(
        default="any",
        title="Side",
        description="Whose flags count in a movement: the payer's, the payee's, or anybody's.",
    )


class AccountFlagging(Validator[BlockedFlags]):
    """Refuse while an account of the event carries a blocked flag that holds at the moment."""

    name = "account-flagging"
    title = "Account flagging"
    help = "Forbids the event to accounts that carry one of the given flags."
    aliases = ("accountFlaggingValidator",)
    metadata = BlockedFlags

    def fits(self, kind: EventKind) -> bool:
        return super().fits(kind) and bool(kind.parties)

    def options(self, offers: Offers) -> Mapping[str, Any]:
        every = [*(name for lists in LISTS.values() for name in lists), *WALLET_LISTS]
        flags = {
            name: [code for code, active in offers.code_lists.get(name, {}).items() if active]
            for name in every
        }
        return {"blockedForFlags": flags, "side": ["payer", "payee", "any"]}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> BlockedFlags:
        metadata = self.stored(written)
        wrong = tuple(_wrong(metadata.blocked_for_flags, kind, offers))
        if wrong:
            raise MetadataError(*wrong)
        return metadata

    def decide(self, event: BusinessEvent, facts: RuleFacts, metadata: BlockedFlags) -> Verdict:
        blocked = frozenset(metadata.blocked_for_flags)
        lists = lists_of(event.kind.entity)
        for role, party in sorted(facts.parties.items()):
            if not _stands(event.kind.parties.get(role, "any"), metadata.side):
                continue
            if flags := _carried(party, blocked, lists, facts):
                details = {"wallet": party.id, "event": event.kind.name, "flags": flags}
                return Refuse(REFUSAL, f"the {role} is flagged {', '.join(flags)}", details)
        return Allow()


def lists_of(entity: str) -> tuple[str, ...]:
    """The code lists that flags of such an entity come from."""
    return LISTS.get(entity, WALLET_LISTS)


def _stands(side: Side, asked: Side) -> bool:
    """Whether who stands there is meant; in what is no movement everybody is."""
    return "any" in (side, asked) or side == asked


def _carried(
    party: PartyFacts, blocked: Iterable[str], lists: Iterable[str], facts: RuleFacts
) -> list[str]:
    return sorted(
        {
            flag.code
            for flag in party.flags
            if flag.code in blocked and flag.list in lists and flag.holds(facts.now)
        }
    )


def _wrong(codes: tuple[str, ...], kind: EventKind, offers: Offers) -> Iterator[tuple[str, str]]:
    lists = lists_of(kind.entity)
    known = {code for name in lists for code in offers.code_lists.get(name, {})}
    for index, code in enumerate(codes):
        pointer = f"/blockedForFlags/{index}"
        if code in codes[:index]:
            yield pointer, f"{code} is named twice"
        elif code not in known:
            yield pointer, f"{code} is not in {' or '.join(lists)}; {nearest(code, known)}"

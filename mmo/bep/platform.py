"""The business events of the platform's own commands, and those that are declared for products."""

from mmo.bep.event import EventKind


def _wallet(action: str, title: str, happened: str) -> EventKind:
    return EventKind(
        entity="wallet", action=action, title=title, product=True, parties={"wallet": "any"},
        raises=(f"mmo.wallet.{happened}.v1",),
    )  # fmt: skip


def _staff(entity: str, action: str, title: str) -> EventKind:
    """A command of the back office: its message is named for the action."""
    return EventKind(
        entity=entity, action=action, title=title, raises=(f"mmo.{entity}.{action}.v1",)
    )


EVENTS: tuple[EventKind, ...] = (
    _wallet("open", "Open a wallet", "opened"),
    _wallet("freeze", "Freeze a wallet", "frozen"),
    _wallet("unfreeze", "Unfreeze a wallet", "unfrozen"),
    _wallet("close", "Close a wallet", "closed"),
    _wallet("flag", "Flag a wallet", "flagged"),
    _wallet("unflag", "Take a flag off a wallet", "unflagged"),
)

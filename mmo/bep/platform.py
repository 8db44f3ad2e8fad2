"""The business events of the platform's own commands, and those that are declared for products."""

from mmo.bep.declared import EVENTS as DECLARED
from mmo.bep.event import EventKind, Phase

AFTER = frozenset({Phase.POST})


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


def _pin(action: str, title: str) -> EventKind:
    return EventKind(
        entity="pin", action=action, title=title, product=True, parties={"wallet": "any"},
        raises=(f"mmo.pin.{action}.v1",),
    )  # fmt: skip


def _own(entity: str, action: str, title: str, happened: str) -> EventKind:
    """A command whose context tells by an event of its own."""
    return EventKind(
        entity=entity, action=action, title=title, raises=(f"mmo.{entity}.{happened}.v1",)
    )


def _after(entity: str, action: str, title: str, happened: str) -> EventKind:
    """Something that nobody can forbid: rules may react to it."""
    return EventKind(
        entity=entity, action=action, title=title, phases=AFTER,
        raises=(f"mmo.{entity}.{happened}.v1",),
    )  # fmt: skip


def _party(action: str, title: str, happened: str) -> EventKind:
    return _own("party", action, title, happened)


COMMANDS: tuple[EventKind, ...] = (
    _wallet("open", "Open a wallet", "opened"),
    _wallet("freeze", "Freeze a wallet", "frozen"),
    _wallet("unfreeze", "Unfreeze a wallet", "unfrozen"),
    _wallet("close", "Close a wallet", "closed"),
    _wallet("flag", "Flag a wallet", "flagged"),
    _wallet("unflag", "Take a flag off a wallet", "unflagged"),
    _wallet("ask-mini-statement", "Ask for a mini-statement by SMS", "mini-statement-asked"),
    _pin("set", "Set a PIN"),
    _pin("ask-reset", "Ask that a PIN be reset"),
    _pin("approve-reset", "Approve that a PIN be reset"),
    _staff("user", "create", "Create a user"),
    _staff("user", "change", "Change a user"),
    _staff("user", "invite", "Invite a user again"),
    _staff("user", "ask-role", "Ask for a role of a user"),
    _staff("user", "activate-role", "Activate a role of a user"),
    _staff("user", "revoke-role", "Take a role from a user"),
    _staff("role", "create", "Create a role"),
    _staff("role", "change", "Change what a role permits"),
    _staff("api-client", "create", "Create a client"),
    _staff("api-client", "change", "Change a client"),
    _staff("api-client", "renew-secret", "Give a client a new secret"),
    _staff("code-list", "set", "Set a value of a code list"),
    _staff("product", "add", "Add a product"),
    _staff("tariff", "create", "Set a tariff"),
    _staff("tariff", "change", "Set the next version of a tariff"),
    _staff("tariff", "retire", "End a tariff"),
    _staff("tariff", "approve", "Approve a version of a tariff"),
    _staff("tariff", "reject", "Reject a version of a tariff"),
    _staff("limit-profile", "create", "Set a limit profile"),
    _staff("limit-profile", "change", "Set the next version of a limit profile"),
    _staff("limit-profile", "retire", "End a limit profile"),
    _staff("limit-profile", "approve", "Approve a version of a limit profile"),
    _staff("limit-profile", "reject", "Reject a version of a limit profile"),
    _staff("suspension", "create", "Suspend a type of movement"),
    _staff("suspension", "change", "Set the next version of a suspension"),
    _staff("suspension", "retire", "End a suspension"),
    _staff("suspension", "approve", "Approve a version of a suspension"),
    _staff("suspension", "reject", "Reject a version of a suspension"),
    _staff("terms", "govern", "Say whether terms need a second person"),
    _staff("authorisation-code", "create", "Make a code for one payment"),
    _staff("authorisation-code", "cancel", "Cancel a code for a payment"),
    _staff("day", "cut-off", "Cut the open day off"),
    _staff("bank-statement", "file", "File a bank's statement"),
    _staff("document-kind", "set", "Set a kind of documents"),
    _own("document", "create", "Add a document", "created"),
    _own("document", "change", "Change a document", "changed"),
    _own("document", "remove", "Remove a document", "removed"),
    _party("register", "Register a party", "registered"),
    _party("change", "Change a party's contact data", "changed"),
    _party("activate", "Activate a party", "activated"),
    _party("suspend", "Suspend a party", "suspended"),
    _party("resume", "Resume a party", "resumed"),
    _party("close", "Close a party", "closed"),
    _party("verify", "Verify a party's identity", "verified"),
    _party("reject-kyc", "Reject a party's identity", "rejected"),
    _party("move", "Put a party below another", "moved"),
    _party("assign-office", "Let an office look after a party", "assigned"),
    _party("add-document", "Add a document of KYC", "document-added"),
    _party("remove-document", "Remove a document of KYC", "document-removed"),
    _own("store", "open", "Open a store of a merchant", "opened"),
    _own("store", "close", "Close a store of a merchant", "closed"),
    _staff("office", "create", "Create an office"),
    _staff("office", "change", "Change, close or open an office"),
    _staff("webhook", "register", "Register a webhook endpoint"),
    _staff("webhook", "disable", "Disable a webhook endpoint"),
    _staff("webhook", "rotate-secret", "Give a webhook endpoint a new secret"),
    _staff("webhook", "redeliver", "Deliver a message once more"),
    _staff("webhook", "ping", "Send a webhook endpoint a test message"),
    _staff("voucher", "unlock", "Unlock a voucher after wrong codes"),
    _staff("tenant", "open", "Open a tenant"),
    _staff("tenant", "suspend", "Suspend a tenant"),
    _staff("tenant", "resume", "Resume a tenant"),
    _staff("tenant-group", "create", "Create a group of tenants"),
    _staff("tenant-group", "change", "Change a group of tenants"),
)
"""What `mmo.changes` carries out: one kind of change for each."""

EVENTS: tuple[EventKind, ...] = (
    *COMMANDS,
    EventKind(
        entity="wallet",
        action="retier",
        title="Give a wallet its party's new tier",
        product=True,
        phases=AFTER,
        parties={"wallet": "any"},
        raises=("mmo.wallet.retiered.v1",),
    ),
    _after("rule", "create", "Set a rule", "created"),
    _after("rule", "change", "Set the next version of a rule", "changed"),
    _after("rule", "approve", "Approve a rule", "approved"),
    _after("rule", "reject", "Reject a rule", "rejected"),
    _after("rule", "retire", "Retire a rule", "retired"),
    _after("rule", "govern", "Say whether rules need a second person", "governed"),
    _after("approval", "request", "Ask for approval", "requested"),
    _after("approval", "approve", "Everybody asked has approved", "approved"),
    _after("approval", "reject", "Somebody rejected", "rejected"),
    _after("approval", "expire", "Nobody decided in time", "expired"),
    _after("approval", "cancel", "The maker cancelled", "cancelled"),
    _after("approval", "remind", "Remind those who are asked", "reminded"),
    _after("approval", "escalate", "Let others approve too", "escalated"),
    _after("approval", "alert", "Somebody close to the maker decided", "alerted"),
    _after("task", "open", "Open a task", "opened"),
    _after("task", "complete", "Complete a task", "completed"),
    _after("task", "escalate", "Escalate a task", "escalated"),
    *DECLARED,
)

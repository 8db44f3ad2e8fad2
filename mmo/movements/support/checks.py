"""What must be true of every wallet that takes part, whatever the operator's rules say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mmo.movements.support.command import Command, Role
from mmo.movements.support.facts import Facts

SUSPENSION = "suspension"
"""The check whether the operator carries such movements out for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One line of the decision record: what a check said."""

    check: str
    verdict: str
    reason: str = ""
    of: str = ""
    """The definition that says so, where it is one of the operator's terms."""
    version: int = 0

    def row(self) -> dict[str, str]:
        return {"check": self.check, "verdict": self.verdict, "reason": self.reason}


def checked(command: Command, facts: Facts) -> Iterator[Considered]:
    """Check each wallet; the ledger checks the same again under its locks."""
    named = command.wallets()
    roles = (role for role in type(command).parties.values() if role.name in named)
    yield from _checked(roles, named, command, facts)


def checked_joined(
    roles: Iterable[Role], wallets: Mapping[str, str], command: Command, facts: Facts
) -> Iterator[Considered]:
    """Check each wallet that joins for the step, like those of the command."""
    for role in roles:
        if wallets[role.name] in command.wallets().values():
            reason = f"the {role.name}'s wallet is another party's too"
            yield Considered(check=f"{role.name}.other", verdict="same_party", reason=reason)
    yield from _checked(roles, wallets, command, facts)


def _checked(
    roles: Iterable[Role], wallets: Mapping[str, str], command: Command, facts: Facts
) -> Iterator[Considered]:
    for role in roles:
        wallet = facts.wallets.get(wallets[role.name])
        if wallet is None:
            yield Considered(
                check=f"{role.name}.known", verdict="wallet_not_found", reason=f"no {role.name}"
            )
            return
        checks = {
            f"{role.name}.kind": ("wallet_kind_invalid", wallet.kind in role.kinds, wallet.kind),
            f"{role.name}.open": ("wallet_closed", wallet.state != "closed", wallet.state),
            f"{role.name}.free": ("wallet_frozen", wallet.state != "frozen", wallet.state),
            f"{role.name}.currency": (
                "currency_mismatch",
                wallet.currency == command.amount.currency,
                wallet.currency,
            ),
        }
        for check, (code, fine, seen) in checks.items():
            reason = f"the {role.name}'s wallet is {seen}"
            yield Considered(check=check, verdict="allow" if fine else code, reason=reason)

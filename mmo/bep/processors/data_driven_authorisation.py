"""Data-driven authorisation: how large the amount is decides whose word it needs.

The rule's source is the original design's dataDrivenAuthorisationValidator; its document is taken
as it is wherever it leaves no amount uncovered.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from mmo.bep.bands import BANDS_MAX, Band, problems, rows_of
from mmo.bep.event import BusinessEvent, EventKind
from mmo.bep.facts import Need, RuleFacts
from mmo.bep.processor import MetadataError, Offers, Validator
from mmo.bep.spelling import Settings
from mmo.bep.verdict import DAY_S, Allow, Ask, Refuse, RequireApproval, Verdict
from mmo.kernel.money import Money, digits_of

REFUSAL = "invalid_authorisation_for_given_data"
ROLES = Need("roles")
WAIT_MAX_S = 90 * DAY_S


class AuthorisationBands(Settings):
    """Bands of amounts, half-open, in minor units; each with the roles whose word it needs."""

    currency: str = Field(title="Currency", description="ISO 4217; other currencies are refused.")
    bands: tuple[Band, ...] = Field(title="Bands", min_length=1, max_length=BANDS_MAX)
    completeness: Literal["total", "contiguous"] = Field(
        default="total",
        title="Completeness",
        description="total: from 0 without an end. contiguous: no hole between the first and the"
        " last band; below them nobody need be asked, above them it is refused.",
    )
    whole_units: bool = Field(
        default=False,
        title="Whole units",
        description="Amounts of the event are whole, such as 1000000; others are refused.",
    )
    subject: Literal["maker", "approver", "both"] = Field(
        default="maker",
        title="Who needs the role",
        description="maker: who asks for it. approver: somebody who agrees. both: each of them.",
    )
    otherwise: Literal["refuse", "ask"] = Field(
        default="refuse",
        title="If the maker has no such role",
        description="refuse it, or ask somebody who has.",
    )
    expires_seconds: int = Field(default=DAY_S, title="Expires", ge=60, le=WAIT_MAX_S)
    remind_seconds: int | None = Field(default=None, title="Remind", ge=60, le=WAIT_MAX_S)
    escalate_seconds: int | None = Field(default=None, title="Escalate", ge=60, le=WAIT_MAX_S)
    escalate_to: tuple[str, ...] = Field(default=(), title="Escalate to", max_length=20)

    def band_of(self, minor: int) -> Band | None:
        """The band of an amount, in as many steps as the number of bands has binary digits."""
        at = bisect_right(self.bands, minor, key=lambda band: band.from_minor) - 1
        band = self.bands[at] if at >= 0 else None
        return band if band and band.holds(minor) else None

    def ask(self, band: Band) -> Ask:
        return Ask(
            roles=band.roles,
            people=band.people,
            expires_s=self.expires_seconds,
            remind_s=self.remind_seconds,
            escalate_s=self.escalate_seconds,
            escalate_to=self.escalate_to,
        )


class DataDrivenAuthorisation(Validator[AuthorisationBands]):
    """Refuse, or ask somebody else, where the role of the amount's band is not held."""

    name = "data-driven-authorisation"
    title = "Data-driven authorisation"
    help = "Says for each band of amounts which roles may do it, or must agree to it."
    aliases = (
        "datadrivenautorisation",
        "dataDrivenAuthorisation",
        "dataDrivenAuthorisationValidator",
    )
    metadata = AuthorisationBands

    def fits(self, kind: EventKind) -> bool:
        return super().fits(kind) and kind.amount

    def options(self, offers: Offers) -> Mapping[str, Any]:
        roles = [{"id": number, "name": name} for number, name in sorted(offers.roles.items())]
        return {"roles": roles, "currency": list(offers.currencies), "escalateTo": roles}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> AuthorisationBands:
        if not kind.amount:
            raise MetadataError(("", f"{kind.name} carries no amount that could be in a band"))
        document, spelled = rows_of(written, offers)
        metadata = self.stored(document)
        digits = offers.digits.get(metadata.currency)
        digits = digits_of(metadata.currency) if digits is None else digits
        wrong = tuple(
            problems(metadata.bands, spelled, metadata.completeness, metadata.currency, digits)
        )
        if wrong:
            raise MetadataError(*wrong)
        return metadata.model_copy(update={"bands": _merged(metadata.bands)})

    def needs(self, metadata: AuthorisationBands, kind: EventKind) -> Sequence[Need]:  # noqa: ARG002
        return (ROLES,)

    def decide(
        self, event: BusinessEvent, facts: RuleFacts, metadata: AuthorisationBands
    ) -> Verdict:
        amount = event.amount
        assert amount is not None, "only events with an amount have such a rule"
        if amount.currency != metadata.currency:
            return _refuse(amount, f"the rule is for {metadata.currency} only")
        if metadata.whole_units and amount.minor % 10 ** digits_of(amount.currency):
            return _refuse(amount, "the rule is for whole amounts only")
        band = metadata.band_of(amount.minor)
        if band is None:
            below = amount.minor < metadata.bands[0].from_minor
            return Allow() if below else _refuse(amount, f"{amount} is above the highest band")
        return _spoken(event, facts, metadata, band)


def _spoken(
    event: BusinessEvent, facts: RuleFacts, metadata: AuthorisationBands, band: Band
) -> Verdict:
    assert event.amount is not None
    held = _held(event, facts) & set(band.roles)
    asks = RequireApproval((metadata.ask(band),), f"{event.amount} needs {_one_of(band.roles)}")
    match metadata.subject, bool(held):
        case ("maker", True):
            return Allow()
        case ("approver", _) | ("both", True):
            return asks
        case ("maker", False) if metadata.otherwise == "ask":
            return asks
        case _:
            return _refuse(event.amount, f"{event.amount} needs {_one_of(band.roles)}", band)


def _held(event: BusinessEvent, facts: RuleFacts) -> set[str]:
    """The actor's roles, of which those count that they still hold; a client keeps its own."""
    now = facts.value(ROLES)
    held = set(event.actor.roles)
    return held if now is None else held & set(now)


def _refuse(amount: Money, reason: str, band: Band | None = None) -> Refuse:
    details: dict[str, Any] = {"amount": {"value": amount.value, "currency": amount.currency}}
    if band is not None:
        details |= band.model_dump(mode="json", include={"from_minor", "to_minor", "roles"})
    return Refuse(REFUSAL, reason, details)


def _one_of(roles: Sequence[str]) -> str:
    return " or ".join(roles)


def _merged(bands: Sequence[Band]) -> tuple[Band, ...]:
    """In order, with neighbours that need the same people made one."""
    merged: list[Band] = []
    for band in sorted(bands, key=lambda band: band.from_minor):
        last = merged[-1] if merged else None
        if last and (last.roles, last.people) == (band.roles, band.people):
            merged[-1] = last.model_copy(update={"to_minor": band.to_minor})
        else:
            merged.append(band)
    return tuple(merged)

"""Accepted commands and evidence, read from what `movements.facts` answers."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mmo.bep.verdict import Ask
from mmo.kernel.envelope import Actor, Quoted
from mmo.movements.support.authority import AcceptedCommand, Evidence, VerifiedAnswer
from mmo.movements.support.deadlines import SKEW
from mmo.movements.support.outcome import Request, is_hold

NO_EVIDENCE = Evidence()


def accepted_command(read: Mapping[str, Any], request: Request) -> AcceptedCommand | None:
    """The command of the request's movement; None where there is none, or it is another one."""
    row: Mapping[str, Any] | None = read["accepted"].get(request.envelope.movement)
    if row is None or read["tenant"] != request.envelope.tenant:
        return None
    if (row["type"], row["body"]) != (request.movement, request.command):
        return None
    return AcceptedCommand(
        tenant=read["tenant"],
        type=row["type"],
        body=row["body"],
        requested_at=row["requested_at"],
        actor=Actor(
            subject=row["actor"],
            client=row["client"].rpartition("/")[0],
            roles=tuple(row["roles"]),
            attributes=row["attributes"],
            act=tuple(row["act"]),
        ),
        granted=tuple(sorted(row["granted"])),
        quoted=Quoted(**row["quoted"]) if row["quoted"] else None,
        fingerprint=bytes.fromhex(row["fingerprint"]),
    )


def evidence_of(
    proved: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]], now: datetime
) -> Evidence:
    """What the rows prove; nothing but the journal where nothing else was asked for."""
    steps = {row["step"]: row["refusal"] for row in rows}
    if proved is None:
        return Evidence(steps=steps)
    expires_at = proved["expires_at"]
    return Evidence(
        steps=steps,
        answers=[VerifiedAnswer(**one) for one in proved["answers"]],
        asks=tuple(_asks(rows, now)),
        votes=[(subject, choice, tuple(roles)) for subject, choice, roles in proved["votes"]],
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        recipient=proved["recipient"],
        owed=proved["owed"],
    )


def _asks(rows: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[Ask]:
    """Whose agreement was asked for when the movement was set aside, as it is escalated by now."""
    for row in rows:
        meta = row["meta"]
        if row["refusal"] is None and meta.get("asks") and is_hold(row["step"]):
            passed = now + SKEW - datetime.fromisoformat(meta["decided_at"])
            yield from (Ask.of(ask).after(passed.total_seconds()) for ask in meta["asks"])

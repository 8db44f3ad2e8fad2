"""A batch of postings as the arrays of `ledger.batch`, and `ledger.outcomes` as their answers."""

import operator
from collections.abc import Sequence
from typing import Any

import orjson

from mmo.ledger import packing as pack
from mmo.ledger.ports import KeyReusedError
from mmo.ledger.posting import Instance, Posting
from mmo.ledger.recorded import Recorded, Stale

_OF_BATCH = "int, bigint[], uuid[], text[], text[], text[]"
_OF_REQUESTS = (
    "uuid[], smallint[], smallint[], text[], bytea[], smallint[], text[], text[], timestamptz[], "
    "date[], bigint[], int[]"
)
_OF_LEGS = "int[], bigint[], text[], boolean[], bigint[]"
_OF_USAGE = "int[], int[], smallint[], date[], bigint[], int[], bigint[], int[], text[]"
_TYPES = f"{_OF_BATCH}, {_OF_REQUESTS}, {_OF_LEGS}, {_OF_USAGE}".split(", ")

BATCH = "ROW(" + ", ".join(f"%b::{name}" for name in _TYPES) + ")::ledger.batch"
"""The parameters of `encode`, as one SQL expression."""

OUTCOMES = "status, refusal, detail, seq, xid, replayed, meta, account, balance"
"""The columns that `decode` reads, in order."""


def _refusal(posting: Posting) -> str | None:
    """The refusal's code; of a posting that is none, what a lack of funds makes of it."""
    return "stale" if posting.on_balance else posting.refusal


def encode(postings: Sequence[Posting]) -> list[object]:
    """Turn postings of one tenant, each of another txn, into the parameters of BATCH."""
    legs = [leg for posting in postings for leg in posting.legs]
    usage = [(i, row) for i, posting in enumerate(postings, 1) for row in posting.usage]
    known = sorted(
        {leg.account for leg in legs if isinstance(leg.account, int)}
        | {row.account for _, row in usage}
    )
    position: dict[Any, int] = {account: i for i, account in enumerate(known, 1)}
    instances = _instances(postings)
    position |= {instance: i for i, instance in enumerate(instances, len(known) + 1)}
    return [
        postings[0].tenant_id,
        pack.int8s(known),
        pack.uuids([txn for txn, _ in instances]),
        pack.texts([instance.code for _, instance in instances]),
        pack.texts([instance.currency for _, instance in instances]),
        pack.texts([instance.book for _, instance in instances]),
        pack.uuids([posting.txn for posting in postings]),
        pack.int2s([posting.step for posting in postings]),
        pack.int2s([posting.kind for posting in postings]),
        pack.texts([posting.code for posting in postings]),
        pack.byteas([posting.fingerprint for posting in postings]),
        pack.int2s([posting.hold_step for posting in postings]),
        pack.texts([_refusal(posting) for posting in postings]),
        pack.texts([orjson.dumps(posting.meta).decode() for posting in postings]),
        pack.timestamps([posting.effective_at for posting in postings]),
        pack.dates([posting.business_date for posting in postings]),
        pack.int8s([posting.rules_version for posting in postings]),
        pack.int4s([len(posting.legs) for posting in postings]),
        pack.int4s(
            [
                position[a if isinstance(a, int) else (posting.txn, a)]
                for posting in postings
                for a in map(_ACCOUNT, posting.legs)
            ]
        ),
        pack.int8s([leg.amount for leg in legs]),
        pack.texts([leg.role for leg in legs]),
        pack.booleans([leg.reserve for leg in legs]),
        pack.int8s([leg.facts_version for leg in legs]),
        pack.int4s([i for i, _ in usage]),
        pack.int4s([position[row.account] for _, row in usage]),
        pack.int2s([row.bucket for _, row in usage]),
        pack.dates([row.period for _, row in usage]),
        pack.int8s([row.amount for _, row in usage]),
        pack.int4s([row.n for _, row in usage]),
        pack.int8s([row.cap_amount for _, row in usage]),
        pack.int4s([row.cap_n for _, row in usage]),
        pack.texts([row.refusal for _, row in usage]),
    ]


_ACCOUNT = operator.attrgetter("account")


def _instances(postings: Sequence[Posting]) -> list[tuple[Any, Instance]]:
    named = {
        (posting.txn, leg.account): None
        for posting in postings
        for leg in posting.legs
        if isinstance(leg.account, Instance)
    }
    return list(named)


def decode(
    postings: Sequence[Posting], outcomes: Sequence[Any]
) -> list[Recorded | Stale | Exception]:
    """Read the columns OUTCOMES as one answer for each posting, in order."""
    status, refusal, detail, seq, xid, replayed, meta, account, balance = outcomes
    answers: list[Recorded | Stale | Exception] = []
    first = 0
    for i, posting in enumerate(postings):
        last = first + len(posting.legs)
        if status[i] == 2:  # noqa: PLR2004 - the numbers are explained at ledger.outcomes
            answers.append(Stale())
        elif status[i] == 3:  # noqa: PLR2004
            answers.append(KeyReusedError(f"{posting.key} was recorded for another request"))
        else:
            answers.append(
                Recorded(
                    journal=seq[i],
                    xid=xid[i],
                    refusal=refusal[i],
                    detail=detail[i] or {},
                    meta=meta[i] if replayed[i] else posting.meta,
                    replayed=replayed[i],
                    accounts=() if replayed[i] else tuple(account[first:last]),
                    balances=() if replayed[i] else tuple(balance[first:last]),
                )
            )
        first = last
    return answers

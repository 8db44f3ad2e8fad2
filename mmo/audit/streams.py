"""What is sealed: the audit's records and the ledger's journal, written one way only.

Every column is a number or a text that no setting of a session can change, so that a row has the
same hash for ever. The first three are tenant, transaction and number.
"""

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class Stream:
    """A table whose rows never change, as it is hashed."""

    name: str
    table: LiteralString
    columns: LiteralString
    written: LiteralString
    """The column with the moment at which a row was written."""


AUDIT = Stream(
    "audit",
    "audit.record",
    """tenant_id, xid, seq, id::text, (extract(epoch FROM at) * 1000000)::bigint, actor, client,
       act::text, action, object, outcome, reason, encode(before, 'hex'), encode(after, 'hex'),
       request_id, ip, workflow_id""",
    "at",
)
JOURNAL = Stream(
    "journal",
    "ledger.journal",
    """tenant_id, xid, seq, txn::text, step, kind, status, code, refusal, detail::text,
       encode(fingerprint, 'hex'), hold_step, accounts, amounts, roles, usage_accounts,
       usage_buckets, to_jsonb(usage_periods)::text, usage_amounts, usage_ns, meta::text,
       (extract(epoch FROM effective_at) * 1000000)::bigint, to_jsonb(business_date)::text,
       (extract(epoch FROM created_at) * 1000000)::bigint""",
    "created_at",
)
STREAMS = (AUDIT, JOURNAL)

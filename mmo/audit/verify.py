"""Verifying: every seal computed anew from the rows, and its signature checked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row, tuple_row

from mmo.audit.chain import Hashing, Head, Seal
from mmo.audit.streams import STREAMS, Stream

UNSEALED_MAX_S = 60
"""Rows that are older and bear no seal are a finding: the sealer stands still, or was led past."""
FETCH = 2000

Proved = Callable[[str], Mapping[str, Any] | None]
"""Answers with the claims of a seal that the platform's key signed, else None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One chain after it was looked at. `broken`: the number of the first bad seal, and why."""

    tenant_id: int
    stream: str
    seals: int
    rows: int
    unsealed: int
    broken: int | None = None
    why: str = ""

    @property
    def holds(self) -> bool:
        return self.broken is None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSeal(Seal):
    """A seal as its row tells it."""

    signed: str


def verify(
    connection: psycopg.Connection[Any], proved: Proved, tenants: Sequence[int] | None = None
) -> list[Finding]:
    """Verify the chains of some tenants (None: all), on one snapshot, while the system runs on.

    The connection is in no transaction; the rights of a reader of every tenant are enough.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [
            _chain(connection, stream, tenant, proved)
            for stream in STREAMS
            for tenant in _tenants(connection, stream)
            if tenants is None or tenant in tenants
        ]


def _tenants(connection: psycopg.Connection[Any], stream: Stream) -> list[int]:
    rows = connection.execute(
        f"""SELECT tenant_id FROM {stream.table} UNION
            SELECT tenant_id FROM audit.seal WHERE stream = %s ORDER BY 1""",  # noqa: S608
        [stream.name],
    )
    return [tenant for (tenant,) in rows.fetchall()]


def _chain(
    connection: psycopg.Connection[Any], stream: Stream, tenant: int, proved: Proved
) -> Finding:
    rows = _Rows(_stream_of(connection, stream, tenant))
    head, sealed, broken, why = Head(), 0, None, ""
    for seal in _seals_of(connection, stream, tenant):
        hashing = Hashing(head.hash)
        rows.take(seal.to_xid, hashing)
        why = _flaw(seal, head, hashing, proved)
        if why:
            broken = seal.n if seal.n == head.n + 1 else head.n + 1
            break
        head = Head(seal.n, seal.to_xid, seal.hash, seal.epoch)
        sealed += hashing.rows
    unsealed, late = _unsealed(connection, stream, tenant, head.to_xid)
    if broken is None and late:
        broken, why = head.n + 1, f"{late} rows older than {UNSEALED_MAX_S} s bear no seal"
    return Finding(
        tenant_id=tenant,
        stream=stream.name,
        seals=head.n,
        rows=sealed,
        unsealed=unsealed,
        broken=broken,
        why=why,
    )


def _flaw(seal: KeptSeal, head: Head, hashing: Hashing, proved: Proved) -> str:
    """What is wrong with a seal that should follow the head; empty: nothing."""
    claims = proved(seal.signed)
    signed = {name: claims.get(name) for name in seal.claims()} if claims else {}
    flaws = (
        (seal.n != head.n + 1, f"seal {head.n + 1} is missing: the next is {seal.n}"),
        (claims is None, "its signature is not that of the platform's key"),
        (signed != seal.claims(), "its row is not what was signed"),
        (
            (seal.previous, seal.from_xid) != (head.hash, head.to_xid),
            "it does not follow the seal before it",
        ),
        (
            seal.rows != hashing.rows,
            f"it sealed {seal.rows} rows, and {hashing.rows} are there",
        ),
        (seal.hash != hashing.digest(), "a row was changed, or stands in another place"),
    )
    return next((why for bad, why in flaws if bad), "")


class _Rows:
    """The rows of one chain in order, taken up to where each seal ends."""

    def __init__(self, rows: Iterator[Sequence[Any]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def take(self, to_xid: int, hashing: Hashing) -> None:
        while self._next is not None and self._next[1] <= to_xid:
            hashing.add(self._next)
            self._next = next(self._rows, None)


def _stream_of(
    connection: psycopg.Connection[Any], stream: Stream, tenant: int
) -> Iterator[Sequence[Any]]:
    with connection.cursor(f"rows_{stream.name}", row_factory=tuple_row) as cursor:
        cursor.itersize = FETCH
        cursor.execute(
            f"""SELECT {stream.columns} FROM {stream.table}
                 WHERE tenant_id = %s ORDER BY xid, seq""",  # noqa: S608 - the streams are ours
            [tenant],
        )
        yield from cursor


def _seals_of(
    connection: psycopg.Connection[Any], stream: Stream, tenant: int
) -> Iterator[KeptSeal]:
    with connection.cursor(f"seals_{stream.name}", row_factory=class_row(KeptSeal)) as cursor:
        cursor.itersize = FETCH
        cursor.execute(
            """SELECT tenant_id, stream, n, from_xid, to_xid, rows, previous, hash, epoch, signed
                 FROM audit.seal WHERE tenant_id = %s AND stream = %s ORDER BY n""",
            [tenant, stream.name],
        )
        yield from cursor


def _unsealed(
    connection: psycopg.Connection[Any], stream: Stream, tenant: int, after: int
) -> tuple[int, int]:
    """How many rows bear no seal, and how many of them are overdue."""
    found = connection.execute(
        f"""SELECT count(*), count(*) FILTER
                   (WHERE {stream.written} < clock_timestamp() - make_interval(secs => %s))
              FROM {stream.table} WHERE tenant_id = %s AND xid > %s""",  # noqa: S608
        [UNSEALED_MAX_S, tenant, after],
    ).fetchone()
    assert found is not None
    return found[0], found[1]

"""The door to the ledger, as its users see it, and what it may raise.

LedgerError
├── LedgerBusyError       nothing was sent; try again later
├── OutcomeUnknownError   it may have been recorded; ask again with the same key
└── KeyReusedError        the key belongs to another request; a bug of the caller
"""

from typing import Protocol

from mmo.ledger.posting import Posting
from mmo.ledger.recorded import Recorded, Stale


class LedgerError(Exception):
    """The ledger gave no outcome."""


class LedgerBusyError(LedgerError):
    """The queue is full, or the deadline passed before the posting was sent: nothing happened."""


class OutcomeUnknownError(LedgerError):
    """The deadline passed while the posting was under way; the same posting, repeated, tells."""


class KeyReusedError(LedgerError):
    """The key (tenant, txn, step) is recorded with another fingerprint. Repeating cannot help."""


class Postings(Protocol):
    """The only way to move money."""

    async def post(self, posting: Posting, /) -> Recorded | Stale:
        """Record the posting once and answer its outcome; a repeat gets the first outcome.

        Safe to repeat by its key. Raises LedgerBusyError and OutcomeUnknownError, which are
        retryable, and KeyReusedError, which is not.
        """
        ...

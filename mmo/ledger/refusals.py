"""The codes with which the ledger itself refuses; `0002_ledger.sql` uses the same words."""

from enum import StrEnum


class LedgerRefusal(StrEnum):
    """Why the ledger said no. A rule's refusal and a limit's refusal carry codes of their own."""

    AMOUNT_INVALID = "amount_invalid"
    """A leg of zero or beyond the largest amount, or a reserved leg that is not a strict debit."""
    UNBALANCED = "unbalanced"
    """The legs of a currency and book do not sum to zero."""
    CURRENCY_MISMATCH = "currency_mismatch"
    """They sum to zero in all, but not in each currency and book."""
    WALLET_NOT_FOUND = "wallet_not_found"
    WALLET_CLOSED = "wallet_closed"
    WALLET_FROZEN = "wallet_frozen"
    """The account's state forbids this direction: frozen, no debit or no credit."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    BALANCE_CEILING_EXCEEDED = "balance_ceiling_exceeded"
    HOLD_NOT_FOUND = "hold_not_found"
    HOLD_CLOSED = "hold_closed"
    """The hold was captured, voided or expired before."""
    CAPTURE_EXCEEDS_HOLD = "capture_exceeds_hold"

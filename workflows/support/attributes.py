"""Search attributes: what lists of workflows are searched by. Nothing personal."""

from temporalio.common import SearchAttributeKey

AMOUNT_MINOR = SearchAttributeKey.for_int("AmountMinor")
CURRENCY = SearchAttributeKey.for_keyword("Currency")
MOVEMENT_STATE = SearchAttributeKey.for_keyword("MovementState")
"""Set from the moment a movement begins to wait; one that never waits does not carry it."""

"""Refusals: what the platform declines, for a reason the caller may be told."""

from dataclasses import dataclass, field
from typing import Any, Literal

REFUSALS = {
    "alias_taken": "Another open wallet has that alias.",
    "amount_invalid": "The amount is zero, or a part of the posting would turn negative.",
    "amount_too_small": "Fees and taxes leave nothing of the amount to arrive.",
    "authorisation_code_used": "Another payment has used the code already.",
    "balance_ceiling_exceeded": "The receiving wallet may not hold that much.",
    "cancelled": "It was cancelled before it was carried out; nothing moved, or it went back.",
    "capture_exceeds_hold": "More would be paid than was set aside.",
    "currency_mismatch": "The amount is in another currency than the wallet.",
    "daily_value_limit_exceeded": "More would move than the wallet may in a day.",
    "daily_volume_limit_exceeded": "The wallet has moved money as often as it may in a day.",
    "declined": "Somebody who had to agree declined.",
    "document_not_found": "There is no such document on file.",
    "expired": "Nobody decided in time.",
    "expression_refused": "The operator's own condition is not fulfilled.",
    "failed": "The movement ended without an outcome; what it held was given back.",
    "fee_exceeds_amount": "The receiver would bear more in fees than arrives.",
    "flag_list_invalid": "Flags of that list are for another kind of account.",
    "flag_not_found": "The wallet does not carry that flag.",
    "greater_than_transaction_max_value": "The amount is more than one movement may be.",
    "hold_closed": "The money that was set aside has been paid out or given back already.",
    "hold_not_found": "Nothing was set aside under that step.",
    "insufficient_funds": "The paying wallet does not hold enough.",
    "invalid_action_for_flagged_account": "An account of the event carries a flag that forbids it.",
    "invalid_authorisation_for_given_data": "Nobody with the role that the amount needs has asked.",
    "less_than_transaction_min_value": "The amount is less than one movement must be.",
    "lien_expired": "The wallet did not receive the rest in time; what was collected came back.",
    "limit_exceeded": "A limit of the wallet would be exceeded.",
    "max_balance_exceeded": "The receiving wallet would hold more than its tier may.",
    "monthly_value_limit_exceeded": "More would move than the wallet may in a month.",
    "monthly_volume_limit_exceeded": "The wallet has moved money as often as it may in a month.",
    "not_reversible": "A movement of that kind cannot be taken back by this one.",
    "movement_suspended": "The operator does not carry out such movements for now.",
    "number_taken": "Another party of that kind has that number.",
    "office_in_use": "Offices below it are open, or it looks after parties.",
    "original_not_found": "There is no such movement to take back.",
    "original_not_posted": "The movement to be taken back has moved nothing yet.",
    "original_unsound": "More came back of the movement than it moved; staff must mend it first.",
    "parent_circular": "It would stand above itself.",
    "parent_kind_invalid": "Agents and super-agents stand below super-agents; others below nobody.",
    "party_closed": "The party, or the one above it, is closed.",
    "party_has_children": "Other parties stand below it.",
    "party_has_wallets": "A party is closed once all its wallets are.",
    "party_kind_invalid": "That is not for parties of this kind.",
    "party_not_active": "The party is not active.",
    "party_not_found": "There is no such party.",
    "party_suspended": "The party is suspended; it is resumed first.",
    "quote_expired": "The quote does not hold any more.",
    "quote_used": "Another movement has kept the quote's terms already.",
    "recipient_registered": "The number has a wallet: send it a P2P transfer.",
    "reclaimed": "The owner came back for it; the money is in the wallet again.",
    "returned_by_bank": "The bank did not pay out; the e-money went back to its holder.",
    "reversal_exceeds_original": "More would come back than is left of the movement.",
    "rule_failed": "A rule of the operator could not be asked; nothing passes unseen.",
    "rule_refused": "A rule of the operator refuses it.",
    "same_party": "The same wallet stands on both sides.",
    "store_not_found": "The merchant has no such store.",
    "tables_incomplete": "Data that the operator asks for is missing.",
    "task_open": "A task must be done first.",
    "too_many_documents": "A party has 50 documents at most.",
    "terms_unreadable": "The tariff or the limits in force cannot be read; nothing passes without.",
    "too_many_flags": "A wallet carries 50 flags at most.",
    "too_many_stores": "A merchant has 200 stores at most.",
    "tree_too_deep": "A tree has 16 levels at most.",
    "unbalanced": "Debits and credits do not cancel out.",
    "velocity_exceeded": "Too many, or too much, within the time that the operator allows.",
    "wallet_closed": "A wallet of the movement is closed.",
    "wallet_frozen": "A wallet of the movement is frozen.",
    "wallet_in_use": "Movements of the wallet are under way, or it owes the rest of a reversal.",
    "wallet_kind_invalid": "A wallet of that kind cannot stand there in this movement.",
    "wallet_not_empty": "A wallet that holds money cannot be closed.",
    "wallet_not_found": "There is no such wallet.",
    "weekly_value_limit_exceeded": "More would move than the wallet may in a week.",
    "weekly_volume_limit_exceeded": "The wallet has moved money as often as it may in a week.",
}
"""Every refusal code, with the sentence that the published list says about it."""
NOT_ACCEPTED = "not_accepted"
"""How a workflow ends that nobody accepted: no refusal of a movement, for there is no movement. No
caller of the API is told it, and nothing is recorded but the alarm."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A business decision: final, recorded, never retried."""

    code: str
    reason: str
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    record: dict[str, Any] = field(default_factory=dict[str, Any])
    """The decision record, as it stands in the journal."""
    position: str = ""
    """Where the event stands in the feed; empty where nothing was recorded."""
    outcome: Literal["refused"] = "refused"

    def __post_init__(self) -> None:
        if self.code not in REFUSALS and self.code != NOT_ACCEPTED:
            raise ValueError(f"{self.code} is not a published refusal code")

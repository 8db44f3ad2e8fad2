"""Events of products to come: loans, savings, shares, and the clients who hold them.

Nothing raises them yet. Rules for them are stored and tried, and bind once the products exist.
"""

from collections.abc import Iterable, Mapping

from mmo.bep.event import EventKind

_Spoken = Mapping[str, str]
"""Action → other words that rules use for it, with commas between."""

_LOAN_AMOUNTS: _Spoken = {
    "add-charge": "",
    "adjust-transaction": "adjust",
    "apply-overdue-charge": "",
    "approve": "approval, approved",
    "buy-down-fee": "",
    "capitalize-income": "capitalized income",
    "charge-off": "",
    "chargeback-transaction": "chargeback",
    "credit-balance-refund": "",
    "disburse": "disbursal, disbursement",
    "foreclose": "foreclosure",
    "pay-charge": "charge payment",
    "adjust-charge": "charge adjustment",
    "refund": "",
    "refund-charge": "charge refund",
    "repay": "repayment, make repayment, repayment transaction",
    "pay-down": "down payment",
    "pay-goodwill-credit": "goodwill credit",
    "waive-interest-payment": "interest payment waiver",
    "refund-interest": "interest refund",
    "refund-by-merchant": "merchant issued refund",
    "refund-payout": "payout refund",
    "recover-payment": "recovery payment",
    "accrue": "accrual transaction created",
    "accrue-activity": "accrual activity",
    "adjust-accrual": "accrual adjustment",
    "undo-disbursal": "",
    "undo-last-disbursal": "undo lastdisbursal",
    "undo-transaction": "",
    "waive-charge": "",
    "waive-interest": "interest waiver",
    "write-off": "written off, writtenoff",
    "change-approved-amount": "approved amount changed",
    "adjust-buy-down-fee": "",
    "amortize-buy-down-fee": "buy down fee amortization",
    "adjust-capitalized-income": "capitalized income adjustment",
    "amortize-capitalized-income": "capitalized income amortization",
}
_LOAN: _Spoken = {
    "create": "created, submit, application",
    "modify-application": "application modified",
    "reject": "rejected",
    "withdraw-application": "withdrawn by applicant, withdraw",
    "undo-approval": "",
    "accept-transfer": "",
    "initiate-transfer": "",
    "reject-transfer": "",
    "withdraw-transfer": "",
    "transfer-ownership": "ownership transfer",
    "assign-officer": "reassign officer",
    "remove-officer": "",
    "recalculate-interest": "interest recalculation",
    "update-charge": "",
    "delete-charge": "",
    "undo-waive-charge": "waive charge undo",
    "undo-charge-off": "",
    "undo-write-off": "undo written off, undo writtenoff",
    "close": "closed",
    "close-as-reschedule": "",
    "change-status": "status changed",
    "change-balance": "balance changed",
    "update-disbursement-data": "",
    "change-delinquency-range": "delinquency range change",
    "pause-delinquency": "account delinquency pause changed",
    "take-snapshot": "account snapshot",
    "take-custom-snapshot": "account custom snapshot",
    "add-schedule-variations": "schedule variations added",
    "delete-schedule-variations": "schedule variations deleted",
    "adjust-schedule": "rescheduled due adjust schedule",
    "reschedule-for-calendar": "rescheduled due calendar change",
    "reschedule-for-holiday": "rescheduled due holiday",
    "fall-due": "repayment due",
    "become-overdue": "repayment overdue",
    "re-age": "",
    "undo-re-age": "",
    "re-amortize": "",
    "undo-re-amortize": "",
    "create-journal-entry": "journal entry created",
    "stay-locked": "accounts stayed locked",
    "migrate": "migration completed",
}
_SAVINGS_AMOUNTS: _Spoken = {
    "deposit": "",
    "withdraw": "withdrawal",
    "force-withdrawal": "",
    "post-interest": "interest posting",
    "adjust-transaction": "",
    "undo-transaction": "undo",
    "apply-annual-fee": "",
    "add-charge": "",
    "pay-charge": "",
    "waive-charge": "",
}
_SAVINGS: _Spoken = {
    "create": "created, submit, application",
    "approve": "approval, approved",
    "activate": "activated, activation",
    "reject": "rejected",
    "close": "closed",
    "withdraw-application": "withdrawn by applicant",
    "calculate-interest": "",
}
_CLIENT: _Spoken = {
    "create": "created",
    "activate": "activated, activation",
    "reject": "rejected",
    "undo-rejection": "",
    "withdraw": "withdrawn",
    "undo-withdrawal": "",
    "reactivate": "",
    "close": "closed",
    "delete": "deleted",
    "assign-staff": "",
    "propose-transfer": "",
    "accept-transfer": "",
    "reject-transfer": "",
    "withdraw-transfer": "",
}
_GROUPED: _Spoken = {"create": "created", "activate": "activation", "close": "closed"}
_CREATED: _Spoken = {"create": "created"}
_ROWS: _Spoken = {"create": "created", "update": "updated", "delete": "deleted"}


def _declared(
    entity: str, actions: _Spoken, *, amount: bool = False, product: bool = False
) -> Iterable[EventKind]:
    noun = entity.replace("-", " ")
    for action, words in actions.items():
        told = [word.strip() for word in words.split(",") if word.strip()]
        yield EventKind(
            entity=entity,
            action=action,
            title=f"{noun.capitalize()}: {action.replace('-', ' ')}",
            parties={entity: "any"},
            spoken=_spellings(entity, (action, *told)),
            declared=True,
            amount=amount,
            product=product,
        )


def _spellings(entity: str, words: Iterable[str]) -> tuple[str, ...]:
    """Each of the words, run together as a class has it, and behind the entity's name."""
    slugs = [word.replace(" ", "-") for word in words]
    every = [*slugs, *(slug.replace("-", "") for slug in slugs)]
    prefixed = [f"{entity}-{slug}" for slug in every]
    return tuple(dict.fromkeys((*every, *prefixed)))


EVENTS: tuple[EventKind, ...] = (
    *_declared("loan", _LOAN_AMOUNTS, amount=True, product=True),
    *_declared("loan", _LOAN, product=True),
    *_declared("savings", _SAVINGS_AMOUNTS, amount=True, product=True),
    *_declared("savings", _SAVINGS, product=True),
    *_declared("fixed-deposit", _CREATED, product=True),
    *_declared("recurring-deposit", _CREATED, product=True),
    *_declared("share", {"create": "created", "approve": "approval"}, product=True),
    *_declared("share-product", {"create-dividends": "dividents create"}, product=True),
    *_declared("loan-product", _CREATED, product=True),
    *_declared("client", _CLIENT),
    *_declared("group", _GROUPED),
    *_declared("center", _GROUPED),
    *_declared("data-table-entry", _ROWS),
)
"""Every one of them is an event before and after, unlike in the systems that the names are from."""

"""Movements that are planned: their numbers are taken, and nothing of them is built."""

PLANNED: dict[int, tuple[str, str]] = {
    11: ("Bill payment", "a subscriber pays a biller, who confirms the reference"),
    12: ("Airtime top-up", "call credit is bought from a supplier"),
    13: ("Bulk disbursement", "one payer pays many wallets, each line by itself"),
    16: ("Interoperable transfer, outgoing", "to a wallet of another operator, through a scheme"),
    17: ("Interoperable transfer, incoming", "from a wallet of another operator"),
    18: ("Scheme settlement", "what the scheme's members owe each other is paid"),
    19: ("Incoming remittance", "money from abroad, exchanged at a quoted rate"),
    20: ("Loan disbursement", "a lender's money reaches a borrower's wallet"),
    21: ("Loan interest accrual", "interest of the day, in the operator's own book"),
    22: ("Loan repayment", "penalties, fees, interest and principal, in that order"),
    23: ("Interest waiver", "interest that is not asked for any more"),
    24: ("Loan charge-off", "what will not be paid is written off"),
    25: ("Loan recovery", "money on a loan that was written off"),
    26: ("Overdraft draw", "a payment that a lender completes"),
    27: ("Overdraft maintenance fee", "of each day that an overdraft stands"),
    28: ("Overdraft repayment", "swept from what arrives"),
    29: ("Savings deposit and withdrawal", "between a wallet and a pocket of it"),
    30: ("Savings interest", "accrued, posted, and tax withheld"),
    31: ("Bank transfer", "between a wallet and a bank account of the same person"),
    36: ("Trust interest", "what the trust account earns, shared out by policy"),
}
"""Number of the trade's list → title, and what it is."""

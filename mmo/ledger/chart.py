"""The seed chart of accounts: every account code, in which book it stands and how it is kept."""

from dataclasses import dataclass
from typing import Literal

from mmo.ledger.posting import Book

Kept = Literal["party", "instance", "strict", "deferred"]
"""Whose the accounts of a code are: a party's each, one movement's each, or one per currency.

Of the last, strict ones are spent and never below zero; deferred ones are only appended to.
"""
Class = Literal["asset", "liability", "income", "expense"]


@dataclass(frozen=True, slots=True)
class ChartAccount:
    """One line of the chart. `gl`: its number in the general ledger."""

    gl: str
    code: str
    title: str
    kept: Kept
    kind: Class
    book: Book = "E"


CHART: tuple[ChartAccount, ...] = (
    ChartAccount("1100", "TRUST_BANK", "Clients' money at the trust bank", "deferred", "asset"),
    ChartAccount("2110", "CUSTOMER", "Customers' wallets", "party", "liability"),
    ChartAccount("2120", "AGENT_FLOAT", "Agents' float", "party", "liability"),
    ChartAccount("2121", "AGENT_COMM", "Agents' commission", "party", "liability"),
    ChartAccount("2130", "SUPER_FLOAT", "Super-agents' float", "party", "liability"),
    ChartAccount("2131", "SUPER_COMM", "Super-agents' commission", "party", "liability"),
    ChartAccount("2140", "MERCHANT", "Merchants' wallets", "party", "liability"),
    ChartAccount("2210", "ISSUANCE_PENDING", "Issued, not released", "instance", "liability"),
    ChartAccount("2220", "REDEMPTION_PENDING", "Leaving to a bank", "instance", "liability"),
    ChartAccount("2230", "VOUCHER_ESCROW", "Vouchers not redeemed", "instance", "liability"),
    ChartAccount("2240", "ESCROW", "In escrow", "instance", "liability"),
    ChartAccount("2250", "REVERSAL_PENDING", "Won back so far", "instance", "liability"),
    ChartAccount("2260", "UNCLAIMED", "Of dormant wallets", "instance", "liability"),
    ChartAccount("2310", "OP.FEES", "Fees earned", "deferred", "liability"),
    ChartAccount("2320", "OP.COMMISSION_POOL", "Pool for commissions", "strict", "liability"),
    ChartAccount("2330", "OP.MARKETING_POOL", "Pool for promotions", "strict", "liability"),
    ChartAccount("2340", "OP.LOSS_POOL", "Pool for losses", "strict", "liability"),
    ChartAccount("2410", "TAX.EXCISE", "Excise on fees", "deferred", "liability"),
    ChartAccount("2420", "TAX.LEVY", "Levy on values", "deferred", "liability"),
    ChartAccount("2430", "TAX.WHT", "Withheld from commissions", "deferred", "liability"),
    ChartAccount("1510", "CORP_BANK", "The operator's own bank", "deferred", "asset", "C"),
    ChartAccount("1520", "OWN_EMONEY.fees", "Own e-money: fees", "deferred", "asset", "C"),
    ChartAccount("1521", "OWN_EMONEY.commission_pool", "Own e-money: commissions", "deferred",
                 "asset", "C"),
    ChartAccount("1522", "OWN_EMONEY.marketing_pool", "Own e-money: promotions", "deferred",
                 "asset", "C"),
    ChartAccount("1523", "OWN_EMONEY.loss_pool", "Own e-money: losses", "deferred", "asset", "C"),
    ChartAccount("4100", "FEE_REVENUE", "Fees", "deferred", "income", "C"),
    ChartAccount("5100", "AGENT_COMMISSION_EXPENSE", "Commissions", "deferred", "expense", "C"),
    ChartAccount("5200", "MARKETING_EXPENSE", "Promotions", "deferred", "expense", "C"),
    ChartAccount("5300", "OPERATIONAL_LOSS", "Losses made good", "deferred", "expense", "C"),
)  # fmt: skip
"""Sorted as the trial balance shows it, book by book."""

OPENED = tuple(one for one in CHART if one.kept in ("strict", "deferred"))
"""What is opened with a tenant, one per currency."""

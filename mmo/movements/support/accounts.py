"""Where a line of a posting rule points, and the names that rules are written with."""

from dataclasses import dataclass

from mmo.ledger.posting import Book


@dataclass(frozen=True, slots=True)
class Party:
    """An account of someone in the movement, by role and product."""

    role: str
    product: str = "wallet"

    @property
    def book(self) -> Book:
        """Parties keep e-money."""
        return "E"

    def __str__(self) -> str:
        return self.role if self.product == "wallet" else f"{self.role}.{self.product}"


@dataclass(frozen=True, slots=True)
class Chart:
    """An account of the operator's chart of accounts, one per currency."""

    code: str
    book: Book = "E"

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class Instance:
    """An account of this one movement, opened when it is first used; it ends at zero."""

    code: str
    book: Book = "E"

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True, init=False)
class Chosen:
    """One of several accounts of the chart, all of one book: the command's field says which."""

    field: str
    choices: tuple[tuple[str, Chart], ...]

    def __init__(self, field: str, **choices: Chart) -> None:
        if len({chart.book for chart in choices.values()}) != 1:
            raise ValueError("what is chosen from stands in one book")
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "choices", tuple(choices.items()))

    @property
    def book(self) -> Book:
        """The book of all of them."""
        return self.choices[0][1].book

    def chart(self, value: str) -> Chart:
        """The account that a value of the field means."""
        return dict(self.choices)[value]

    def __str__(self) -> str:
        return " / ".join(str(chart) for _, chart in self.choices)


Account = Party | Chart | Instance | Chosen

PAYER, PAYEE, AGENT = Party("payer"), Party("payee"), Party("agent")
AGENT_COMMISSION = Party("agent", "commission")
SUPER_AGENT_COMMISSION = Party("super-agent", "commission")
MASTER_AGENT_COMMISSION = Party("master-agent", "commission")

TRUST_BANK = Chart("TRUST_BANK")
FEES = Chart("OP.FEES")
COMMISSION_POOL, MARKETING_POOL = Chart("OP.COMMISSION_POOL"), Chart("OP.MARKETING_POOL")
LOSS_POOL = Chart("OP.LOSS_POOL")
EXCISE, LEVY, WITHHELD = Chart("TAX.EXCISE"), Chart("TAX.LEVY"), Chart("TAX.WHT")

ISSUANCE_PENDING = Instance("ISSUANCE_PENDING")
REDEMPTION_PENDING = Instance("REDEMPTION_PENDING")
VOUCHER_ESCROW, ESCROW = Instance("VOUCHER_ESCROW"), Instance("ESCROW")
REVERSAL_PENDING, UNCLAIMED = Instance("REVERSAL_PENDING"), Instance("UNCLAIMED")

CORPORATE_BANK = Chart("CORP_BANK", "C")
OWN_FEES, OWN_COMMISSION_POOL, OWN_MARKETING_POOL, OWN_LOSS_POOL = (
    Chart(f"OWN_EMONEY.{mirrored}", "C")
    for mirrored in ("fees", "commission_pool", "marketing_pool", "loss_pool")
)
"""The operator's own books mirror what it holds in e-money."""
MARKETING_EXPENSE, OPERATIONAL_LOSS = (
    Chart("MARKETING_EXPENSE", "C"),
    Chart("OPERATIONAL_LOSS", "C"),
)

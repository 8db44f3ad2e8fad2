"""Where a line of a posting rule points, and the names that rules are written with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Party:
    """An account of someone in the movement, by role and product."""

    role: str
    product: str = "wallet"

    def __str__(self) -> str:
        return self.role if self.product == "wallet" else f"{self.role}.{self.product}"


@dataclass(frozen=True, slots=True)
class Chart:
    """An account of the operator's chart of accounts, one per currency."""

    code: str

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class Instance:
    """An account of this one movement, opened when it is first used; it ends at zero."""

    code: str

    def __str__(self) -> str:
        return self.code


Account = Party | Chart | Instance

PAYER, PAYEE, AGENT = Party("payer"), Party("payee"), Party("agent")
AGENT_COMMISSION = Party("agent", "commission")
SUPER_AGENT_COMMISSION = Party("super-agent", "commission")

TRUST_BANK = Chart("TRUST_BANK")
FEES, COMMISSION_POOL = Chart("OP.FEES"), Chart("OP.COMMISSION_POOL")
EXCISE, WITHHELD = Chart("TAX.EXCISE"), Chart("TAX.WHT")

ISSUANCE_PENDING = Instance("ISSUANCE_PENDING")
REDEMPTION_PENDING = Instance("REDEMPTION_PENDING")

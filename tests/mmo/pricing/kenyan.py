"""Tariffs like those of a Kenyan operator."""

from collections.abc import Mapping, Sequence
from typing import Any

EXCISE = "0.20"
WITHHOLDING = "0.05"
_P2P = (
    ("0", "0.00"), ("100.01", "7.00"), ("500.01", "13.00"), ("1000.01", "23.00"),
    ("1500.01", "33.00"), ("2500.01", "53.00"), ("3500.01", "57.00"), ("5000.01", "78.00"),
    ("7500.01", "90.00"), ("10000.01", "100.00"), ("15000.01", "105.00"), ("20000.01", "108.00"),
)  # fmt: skip
_CASH_OUT = (
    ("0", "11.00"), ("100.01", "29.00"), ("2500.01", "52.00"), ("3500.01", "69.00"),
    ("5000.01", "87.00"), ("7500.01", "115.00"), ("10000.01", "167.00"), ("15000.01", "185.00"),
    ("20000.01", "197.00"), ("35000.01", "278.00"), ("50000.01", "309.00"),
)  # fmt: skip
_COMMISSION = (
    ("0", "2.00"), ("500.01", "5.00"), ("1000.01", "10.00"), ("2500.01", "12.00"),
    ("5000.01", "18.00"), ("10000.01", "30.00"), ("20000.01", "50.00"),
)  # fmt: skip


def _banded(rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    bands = [{"from": start, "amount": amount} for start, amount in rows]
    return {"kind": "banded_flat", "bands": bands}


def _fee(name: str, rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {"name": name, "payer": "sender", "schedule": _banded(rows), "tax": EXCISE}


COMMISSION = {
    "schedule": _banded(_COMMISSION),
    "split": [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}],
    "withholding": WITHHOLDING,
}

TARIFFS: Mapping[str, Mapping[str, Any]] = {
    "p2p-transfer": {"currency": "KES", "charges": [_fee("sending-fee", _P2P)]},
    "cash-out": {
        "currency": "KES",
        "charges": [_fee("withdrawal-fee", _CASH_OUT)],
        "commission": COMMISSION,
    },
    "cash-in": {"currency": "KES", "commission": COMMISSION},
}
"""Movement type → the content of its tariff in KES, for all products."""

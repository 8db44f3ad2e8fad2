"""Charges: fees, their taxes and the levy, as lines and sums that join any priced posting rule."""

from mmo.movements.support.accounts import EXCISE, FEES, LEVY, MARKETING_POOL
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import XM, XS, A, F, M, S, T, X

PAID = A + F + X + T
"""What leaves whoever pays: the amount, their fee with its tax, and the levy."""

RECEIVED = A - M - XM
"""What reaches whoever is paid: the amount, less their own fee with its tax."""

CHARGES = (
    credit(FEES, F + M + S),
    credit(EXCISE, X + XM + XS),
    credit(LEVY, T),
    debit(MARKETING_POOL, S + XS),
)
"""Where fees and taxes go; what a third party bears comes from the operator's marketing pool."""

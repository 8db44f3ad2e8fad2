"""Vouchers: for whom they are, and the codes that they are paid out for."""

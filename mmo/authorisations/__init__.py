"""Authorisation codes: a customer's yes to one payment, given before it is asked for."""

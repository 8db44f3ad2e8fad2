"""Parties: registered, changed and read, with their stores, KYC documents and offices."""

"""Approvals: who must agree to what waits, who has, and the one document that says so."""

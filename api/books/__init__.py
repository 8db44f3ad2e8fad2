"""The operator's books: days, reports, the trust, and whether all tell the same."""

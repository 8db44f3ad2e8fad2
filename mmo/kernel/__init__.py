"""Words that every context shares: money, identifiers, refusals."""

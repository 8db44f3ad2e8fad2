"""Routes of approvals: what I may decide, deciding it, and who stands in for me."""

"""Tasks: what somebody of a role has to do, and what may not happen before it is done."""

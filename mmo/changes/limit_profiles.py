"""Changes of limit profiles: dated terms for a kind of wallet, a tier and a currency."""

from mmo.changes.terms import Terms
from mmo.limits.profile import KIND, read

KINDS = Terms(name=KIND, read=read, problem="profile_invalid").kinds("limit-profiles:read")

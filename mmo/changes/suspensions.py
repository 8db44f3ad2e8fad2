"""Changes of suspensions: dated terms for a type of movement and a currency."""

from mmo.changes.terms import Terms
from mmo.limits.suspension import KIND, read

KINDS = Terms(name=KIND, read=read, problem="suspension_invalid").kinds("suspensions:read")

"""Changes of tariffs: dated terms for a movement type, a currency and all products or one."""

from mmo.changes.terms import Terms
from mmo.pricing.tariff import KIND, read

KINDS = Terms(name=KIND, read=read, problem="tariff_invalid").kinds("tariffs:read")

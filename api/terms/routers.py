"""The routes of this room, in their order."""

from api.terms import limit_profiles, suspensions, tariffs, versions

ROUTERS = (tariffs.router, limit_profiles.router, suspensions.router, versions.router)

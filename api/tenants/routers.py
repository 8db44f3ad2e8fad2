"""The routes of this room, in their order."""

from api.tenants import groups, routes, super_reads

ROUTERS = (routes.router, groups.router, super_reads.router)

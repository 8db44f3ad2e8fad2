"""The routes of this room, in their order."""

from api.deciding import approvals, substitutes, tasks

ROUTERS = (substitutes.router, approvals.router, tasks.router)

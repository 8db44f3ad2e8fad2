"""The routes of this room, in their order."""

from api.identity import clients, pins, roles, users

ROUTERS = (users.router, roles.router, clients.router, pins.router)

"""The routes of this room, in their order."""

from api.operations import routes

ROUTERS = (routes.router,)

"""The routes of this room, in their order."""

from api.parties import files, offices, reads, routes

ROUTERS = (routes.router, files.router, reads.router, offices.router)

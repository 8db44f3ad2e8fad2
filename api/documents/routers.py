"""The routes of this room, in their order."""

from api.documents import code_lists, kinds, products, routes

ROUTERS = (products.router, kinds.router, routes.router, code_lists.router)

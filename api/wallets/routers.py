"""The routes of this room, in their order."""

from api.wallets import flags, limits, mini_statements, reads, routes, statements

ROUTERS = (
    routes.router,
    flags.router,
    reads.router,
    statements.router,
    mini_statements.router,
    limits.router,
)

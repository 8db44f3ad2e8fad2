"""The routes of this room, in their order."""

from api.books import days, reconciliations, reports, trust

ROUTERS = (reports.router, days.router, reconciliations.router, trust.router)

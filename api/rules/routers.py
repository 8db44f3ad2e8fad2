"""The routes of this room, in their order."""

from api.rules import backtests, explaining, governing

ROUTERS = (governing.router, explaining.router, backtests.router)

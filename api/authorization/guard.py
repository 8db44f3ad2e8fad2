"""The guard of the authorization server: a head is small and holds no NUL, before it is read."""

from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api.authorization.errors import OAuthError
from api.problems import Problem
from api.request_head import check_head


class Guard:
    """Pure ASGI, like the resource server's; its refusals are those of OAuth.

    Whoever hangs up before the form is whole is owed no answer.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            if scope["type"] == "http":
                check_head(scope)
            await self._app(scope, receive, send)
        except Problem as problem:
            told = problem.detail or problem.title
            refusal = OAuthError("invalid_request", told, status=problem.status)
            await refusal.response()(scope, receive, send)
        except ClientDisconnect:
            return

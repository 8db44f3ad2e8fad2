"""Failures as OAuth tells them (RFC 6749 §5.2): a code, never a hint of what was right."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mmo.keys.ports import KeysAwayError, NoKeyError

STATUS = {
    "invalid_client": 401,
    "access_denied": 403,
    "temporarily_unavailable": 503,
    "slow_down": 429,
}
RETRY_AFTER_S = {"temporarily_unavailable": 2, "slow_down": 60}
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthError(Exception):
    """An answer that is no success."""

    def __init__(self, code: str, description: str = "", *, status: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.status = status or STATUS.get(code, 400)

    def response(self) -> JSONResponse:
        """The error as an answer."""
        body = {"error": self.code}
        if self.description:
            body["error_description"] = self.description
        headers = dict(NO_STORE)
        if self.code in RETRY_AFTER_S:
            headers["Retry-After"] = str(RETRY_AFTER_S[self.code])
        if self.status == STATUS["invalid_client"]:
            headers["WWW-Authenticate"] = 'Basic realm="mmo"'
        return JSONResponse(body, self.status, headers=headers)


def install(app: FastAPI) -> None:
    """Make every failure of the application such an answer."""

    async def told(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, OAuthError)
        return error.response()

    async def keys_away(_: Request, __: Exception) -> JSONResponse:
        return OAuthError("temporarily_unavailable", "the keys are away; try again").response()

    async def plain(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return OAuthError("not_found" if error.status_code == 404 else "invalid_request",  # noqa: PLR2004
                          status=error.status_code).response()  # fmt: skip

    async def unforeseen(_: Request, __: Exception) -> JSONResponse:
        return OAuthError("server_error", status=500).response()

    app.add_exception_handler(OAuthError, told)
    for away in (KeysAwayError, NoKeyError):
        app.add_exception_handler(away, keys_away)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, unforeseen)

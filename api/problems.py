"""Problems: every answer that is no success, as RFC 9457 tells it, with a published code."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import psycopg
import sqlalchemy.exc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg_pool import AsyncConnectionPool
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from mmo.kernel.json_words import pointer_of, words_of
from mmo.kernel.refusals import REFUSALS
from mmo.keys.ports import KeysAwayError, NoKeyError

_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}", re.ASCII)
ERRORS_MAX = 8
"""Validation errors that one answer lists."""

PROBLEMS: dict[str, tuple[int, str]] = {
    "validation": (422, "The request does not have the published shape."),
    "idempotency_key_missing": (400, "The header Idempotency-Key is missing."),
    "idempotency_key_invalid": (400, "An Idempotency-Key is 1 to 64 visible ASCII characters."),
    "idempotency_key_reused": (409, "The key was used for another request before."),
    "invalid_token": (401, "The bearer token is missing, expired or not genuine."),
    "insufficient_scope": (403, "The token does not carry the scope that this needs."),
    "reason_missing": (403, "Reading another tenant needs a reason: header X-Reason."),
    "not_your_wallet": (403, "The wallet that would pay belongs to somebody else."),
    "shared_read_only": (403, "The list is shared with this tenant; only its owner changes it."),
    "maker_may_not": (403, "Who asked for the movement cannot give this answer too."),
    "voucher_refused": (422, "No voucher for that number is paid out for that code."),
    "bank_reference_missing": (422, "Say which entry on the trust bank's statement it is."),
    "own_wallet": (403, "Staff do this for other people's wallets, never for their own."),
    "too_close": (403, "Who created the maker, or set the rule just now, does not decide."),
    "pin_proof_missing": (
        403,
        "This needs a PIN: send the PIN-Proof of POST /v1/pin/verifications.",
    ),
    "pin_proof_invalid": (403, "The PIN proof is not good for this request any more."),
    "pin_refused": (403, "The PIN was not accepted."),
    "pin_invalid": (422, "A PIN has 4 to 8 digits."),
    "pin_weak": (422, "This PIN is too easy to guess."),
    "pin_used_before": (422, "This PIN was used before."),
    "version_conflict": (412, "It was changed since; read it again."),
    "code_unknown": (422, "The code list has no such code."),
    "code_inactive": (422, "The code is not active: it may not be newly assigned."),
    "document_invalid": (422, "The document does not fit its kind."),
    "product_unknown": (422, "There is no such product of that kind."),
    "party_unknown": (422, "There is no such party, or its wallets are of another kind."),
    "office_unknown": (422, "There is no such office, or it is closed."),
    "document_too_large": (413, "A document of KYC has at most 16 MiB."),
    "document_media_type": (422, "The file is of no type that is taken, or of another than said."),
    "already_there": (409, "There is one of that name already."),
    "grant_not_pending": (409, "The role grant does not wait for your decision."),
    "unknown_scope": (422, "There is no such scope."),
    "webhook_disabled": (409, "The endpoint is disabled; register another."),
    "webhook_address": (422, "Webhooks go to public hosts, over https."),
    "checklist_incomplete": (422, "The task's checklist is not done yet."),
    "settings_invalid": (422, "The processor does not take these settings."),
    "profile_invalid": (422, "The document is no limit profile."),
    "authorisation_code_refused": (422, "The code is not good for this payment."),
    "too_many_codes": (409, "The wallet has ten codes that are good; cancel one, or wait."),
    "quote_invalid": (422, "That is no quote for this movement."),
    "tariff_invalid": (422, "The document is no tariff that the movement can be priced by."),
    "day_not_begun": (409, "The open day has not begun by the operator's own clock."),
    "day_not_closed": (409, "The day is not balanced yet."),
    "suspension_invalid": (422, "The document is no suspension."),
    "asked_too_soon": (429, "It was sent within the last minute; ask again after that."),
    "no_merchant": (422, "Only a merchant's wallet has a QR code."),
    "qr_invalid": (422, "That is no QR code of a merchant of this operator."),
    "too_many_rows": (422, "It has more rows than a document of that kind: ask for less, or CSV."),
    "statement_invalid": (422, "The bank's statement does not add up, or follow the last one."),
    "term_invalid": (422, "Terms begin now or later, and end after they begin."),
    "version_gap": (409, "The version would leave a time without terms after the one before."),
    "version_not_pending": (409, "The version does not wait for a decision."),
    "version_overlaps": (409, "The version would begin while another one still holds."),
    "processor_unknown": (404, "There is no such processor."),
    "rule_not_found": (404, "There is no such rule."),
    "backtest_not_found": (404, "There is no such back-test."),
    "backtest_not_done": (409, "The back-test has no result yet."),
    "backtests_running": (409, "Enough back-tests are running; wait until one is done."),
    "reconciliations_running": (409, "Enough of them are running; wait until one is done."),
    "rule_not_pending": (409, "The rule does not wait for approval."),
    "approval_not_found": (404, "There is no such approval."),
    "role_missing": (403, "None of the roles that are asked is held by you now."),
    "already_decided": (409, "You have decided about this already."),
    "not_stuck": (409, "The movement goes on by itself: there is nothing to mend."),
    "not_waiting": (409, "The movement does not wait for this answer."),
    "not_found": (404, "There is nothing here."),
    "movement_not_found": (404, "There is no such movement."),
    "method_not_allowed": (405, "This cannot be done here."),
    "unsupported_media_type": (415, "Bodies are application/json, without content encoding."),
    "body_too_large": (413, "A body has at most 64 KiB."),
    "headers_too_large": (431, "The headers have at most 16 KiB and 100 fields."),
    "uri_too_long": (414, "An address has at most 8 KiB."),
    "bad_request": (400, "The request cannot be read."),
    "invalid_json": (400, "The body is no JSON."),
    "invalid_utf8": (400, "The body is no UTF-8."),
    "byte_order_mark": (400, "The body begins with a byte order mark."),
    "invalid_character": (400, "A text holds a control character, a NUL or half a surrogate."),
    "duplicate_key": (400, "A member stands twice in an object."),
    "float_not_allowed": (400, "Numbers are whole; amounts are texts."),
    "non_finite_number": (400, "NaN and Infinity are no numbers."),
    "integer_too_large": (400, "A number has at most 18 digits."),
    "too_deep": (400, "The body nests more than 32 levels."),
    "cursor_invalid": (400, "The cursor is not one that a page of this list gave out."),
    "position_invalid": (400, "If-Projected takes a Projection-Position of an earlier answer."),
    "busy": (503, "Too much is under way; try again shortly."),
    "projection_behind": (503, "The read model has not come that far; try again shortly."),
    "unavailable": (503, "A part that this needs does not answer; nothing was lost, try again."),
    "no_key": (
        503,
        "The key that this needs is disabled or destroyed: its operator makes a new one.",
    ),
    "internal": (500, "Something went wrong here. It is logged."),
}
"""Code → status and title. Refusals of the business are 422 (404 for a wallet that is read)."""

RETRY_AFTER_S = {"asked_too_soon": 60, "busy": 1, "projection_behind": 1, "unavailable": 2}


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer that is no success. `more` are further members of the document."""

    def __init__(self, code: str, detail: str = "", **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.more = more

    @property
    def status(self) -> int:
        return int(self.more.get("status") or PROBLEMS.get(self.code, (422, ""))[0])

    @property
    def title(self) -> str:
        return REFUSALS.get(self.code) or PROBLEMS[self.code][1]

    def document(self) -> dict[str, Any]:
        """The problem document."""
        told: dict[str, Any] = {
            "type": f"urn:mmo:problem:{self.code}",
            "title": self.title,
            "status": self.status,
        }
        if self.detail:
            told["detail"] = self.detail
        return told | {"code": self.code} | {k: v for k, v in self.more.items() if k != "status"}

    def response(self) -> JSONResponse:
        """The problem as an answer."""
        headers: dict[str, str] = {}
        if self.code in RETRY_AFTER_S:
            headers["Retry-After"] = str(RETRY_AFTER_S[self.code])
        if self.code == "invalid_token":
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return JSONResponse(
            self.document(),
            self.status,
            headers=headers,
            media_type="application/problem+json",
        )


def from_errors(errors: Sequence[Mapping[str, Any]], body: Any = None) -> Problem:
    """Validation errors as one problem. No value that was sent is repeated: it may be a secret."""
    listed = [
        {
            "pointer": pointer_of([_shown(part) for part in _place(error, body)]),
            "in": str(error["loc"][0]),
            "code": error["type"],
            "detail": words_of(error),
        }
        for error in errors[:ERRORS_MAX]
    ]
    code = next((error["code"] for error in listed if error["code"] in REFUSALS), "validation")
    return Problem(code, "; ".join(error["detail"] for error in listed[:1]), errors=listed)


def _place(error: Mapping[str, Any], body: Any) -> list[int | str]:
    """Where the error is in what was sent: names of types, which validation adds, are left out."""
    parts = list[int | str](error["loc"][1:9])
    if error["loc"][0] != "body":
        return parts
    here, found = body, list[int | str]()
    for part in parts:
        is_there = (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(cast("Any", here))
        )
        if is_there:
            here = cast("Any", here)[part]
            found.append(part)
        elif error["type"] == "missing" and part == parts[-1]:
            found.append(part)
    return found


def _shown(part: int | str) -> int | str:
    """The name of a member, where it looks like one; else it may be something that is secret."""
    return part if isinstance(part, int) or _MEMBER.fullmatch(part) else "\u2026"


def _allowed(request: Request) -> list[str]:
    """What can be done at the address, by all routes that it has: each knows its own only."""
    scope: dict[str, Any] = {**request.scope, "path_params": {}}
    found = {
        method
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return sorted(found)


DATABASE_AWAY = (psycopg.OperationalError, sqlalchemy.exc.OperationalError)


async def without_database(pool: AsyncConnectionPool[Any]) -> Problem:
    """The problem of a database that does not answer; the next caller's connection works again."""
    await pool.check()
    return Problem("unavailable")


def install(app: FastAPI) -> None:
    """Make every failure of the application a problem document."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.response()

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return from_errors(error.errors(), error.body).response()

    async def plain(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        known = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
        answer = Problem(known.get(error.status_code, "bad_request")).response()
        answer.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(_allowed(request))
        return answer

    async def database_away(request: Request, _: Exception) -> JSONResponse:
        return (await without_database(request.app.state.pool)).response()

    async def keys_away(_: Request, __: Exception) -> JSONResponse:
        return Problem("unavailable").response()

    async def no_key(_: Request, __: Exception) -> JSONResponse:
        return Problem("no_key").response()

    async def unforeseen(_: Request, __: Exception) -> JSONResponse:
        return Problem("internal").response()

    app.add_exception_handler(Problem, problem)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, database_away)
    app.add_exception_handler(KeysAwayError, keys_away)
    app.add_exception_handler(NoKeyError, no_key)
    app.add_exception_handler(Exception, unforeseen)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)

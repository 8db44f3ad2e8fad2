"""Bad input: each is answered with a problem document, never with a fault, and never repeated."""

import asyncio
import gzip
import json
import re
import socket
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.problems import PROBLEMS
from mmo.kernel.refusals import REFUSALS
from tests.e2e.town import Holder, Town, unique_msisdn

CANARY = "canary-7f3e"
NOBODY = "5e3c4f0a-bead-4000-8000-0000000000aa"
SEND = "/v1/movements/p2p-transfer"
QUICK_S = 1.5


def body_of(alice: Holder, **other: Any) -> dict[str, Any]:
    return {
        "sender": alice.wallet,
        "recipient": str(uuid.uuid4()),
        "amount": {"value": "1", "currency": "KES"},
        "note": CANARY,
    } | other


async def post(
    alice: Holder, content: Any, path: str = SEND, **headers: str | bytes
) -> httpx.Response:
    """Send bytes as they are; `headers` replace the usual ones, underscores being dashes."""
    usual: dict[str, Any] = {
        "Authorization": f"Bearer {alice.person.token}",
        "Idempotency-Key": uuid.uuid4().hex,
        "Content-Type": "application/json",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    wanted = {k: v for k, v in {**usual, **given}.items() if v is not None}
    return await alice.person.http.post(path, content=content, headers=wanted)


def is_problem(answer: httpx.Response, *statuses: int) -> str:
    """Check that it is a proper problem document that repeats nothing; answer with its code."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["code"] in {*PROBLEMS, *REFUSALS}
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert CANARY not in answer.text
    assert "Traceback" not in answer.text
    assert len(answer.content) < 8192
    return told["code"]


@pytest.fixture
async def alice(demo: Town) -> Holder:
    return await demo.customer()


def text(alice: Holder, **other: Any) -> str:
    return json.dumps(body_of(alice, **other))


DOCUMENTS = [
    ("NaN", '{"note": "canary-7f3e", "amount": NaN}', 400, "non_finite_number"),
    ("Infinity", '{"amount": {"value": -Infinity}}', 400, "non_finite_number"),
    ("1e400", '{"note": "canary-7f3e", "amount": 1e400}', 400, "float_not_allowed"),
    ("a float", '{"amount": {"value": 0.1, "currency": "KES"}}', 400, "float_not_allowed"),
    ("1.0", '{"amount": 1.0}', 400, "float_not_allowed"),
    ("an integer of 5,000 digits", '{"amount": ' + "9" * 5000 + "}", 400, "integer_too_large"),
    ("a negative one of 19", '{"amount": -' + "9" * 19 + "}", 400, "integer_too_large"),
    ("a member twice", '{"note": "canary-7f3e", "note": "x"}', 400, "duplicate_key"),
    ("a member twice, deep", '{"amount": {"value": "1", "value": "2"}}', 400, "duplicate_key"),
    ("half a surrogate", r'{"note": "\ud800"}', 400, "invalid_character"),
    ("half a surrogate as a name", r'{"\ud800": 1}', 400, "invalid_character"),
    ("NUL", r'{"note": "a\u0000b"}', 400, "invalid_character"),
    ("an escape sign", r'{"note": "\u001b[2J"}', 400, "invalid_character"),
    ("bad UTF-8", b'{"note": "\xff\xfe"}', 400, "invalid_utf8"),
    ("a surrogate in UTF-8", b'{"note": "\xed\xa0\x80"}', 400, "invalid_utf8"),
    ("an overlong slash", b'{"note": "\xc0\xaf"}', 400, "invalid_utf8"),
    ("UTF-16", '{"note": "x"}'.encode("utf-16"), 400, "invalid_utf8"),
    ("UTF-16 without a mark", '{"note": "x"}'.encode("utf-16-le"), 400, None),
    ("a byte order mark", b"\xef\xbb\xbf{}", 400, "byte_order_mark"),
    ("deep arrays", "[" * 30_000 + "]" * 30_000, 400, "too_deep"),
    ("deep and never closed", '{"a":' * 10_000, 400, "too_deep"),
    ("33 levels", "[" * 33 + "]" * 33, 400, "too_deep"),
    ("no JSON", "hello canary-7f3e", 400, "invalid_json"),
    ("two documents", "{}{}", 400, "invalid_json"),
    ("a trailing comma", '{"note": "canary-7f3e",}', 400, "invalid_json"),
    ("single quotes", "{'note': 'canary-7f3e'}", 400, "invalid_json"),
    ("a comment", "{/* canary-7f3e */}", 400, "invalid_json"),
    ("white space", "   \n", 400, "invalid_json"),
    ("nothing", "", 422, "validation"),
    ("null", "null", 422, "validation"),
    ("a list", "[]", 422, "validation"),
    ("a text", '"canary-7f3e"', 422, "validation"),
    ("a number", "7", 422, "validation"),
    ("5,000 unknown members", None, 422, "validation"),
]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [pytest.param(*case[1:], id=case[0]) for case in DOCUMENTS],
)
async def test_a_body_means_one_thing_or_is_refused(alice: Holder, content, status, code) -> None:
    if content is None:
        content = json.dumps({f"{CANARY}{number}": number for number in range(3000)})[:64_000]
        content = content.rpartition(",")[0] + "}"
    begun = time.monotonic()

    answer = await post(alice, content)

    assert time.monotonic() - begun < QUICK_S
    told = is_problem(answer, status)
    assert code is None or told == code


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"tenant_id": 2}, "validation"),
        ({"status": "posted", "__proto__": {}}, "validation"),
        ({CANARY: CANARY}, "validation"),
        ({"sender": None}, "validation"),
        ({"sender": {"$ne": ""}}, "validation"),
        ({"sender": ["a", "b"]}, "validation"),
        ({"recipient": "msisdn:0701234567"}, "validation"),
        ({"recipient": "msisdn:+254700000001\n"}, "validation"),
        ({"recipient": "msisdn:+2547\u0660\u0660\u0660\u0660"}, "validation"),
        ({"recipient": "msisdn:+254700000001\u202e"}, "validation"),
        ({"recipient": "msisdn:+" + "1" * 16}, "validation"),
        ({"recipient": NOBODY.upper()}, "validation"),
        ({"recipient": "{" + NOBODY + "}"}, "validation"),
        ({"recipient": NOBODY.replace("-", "")}, "validation"),
        ({"recipient": "x" * 60_000}, "validation"),
        ({"recipient": "00000000-0000-0000-0000-000000000000"}, "wallet_not_found"),
        ({"note": 5}, "validation"),
        ({"note": {"a": CANARY}}, "validation"),
        ({"amount": {"value": CANARY, "currency": "KES"}}, "amount_invalid"),
        ({"amount": {"value": "1", "currency": CANARY}}, "amount_invalid"),
    ],
    ids=lambda value: str(value)[:48],
)
async def test_a_field_is_as_published_or_the_request_is_refused(
    alice: Holder, other, code
) -> None:
    assert is_problem(await post(alice, text(alice, **other)), 422) == code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("msisdn", "0701234567"),
        ("msisdn", "+254 700 000 001"),
        ("msisdn", "+2547"),
        ("msisdn", "+0254700000001"),
        ("msisdn", "+254700000001\n"),
        ("msisdn", "+\uff12547000001"),
        ("msisdn", "+999999999999999"),
        ("name", ""),
        ("name", "x" * 81),
        ("name", " Ada"),
        ("name", "Ada\u202eadA"),
        ("name", "Ada\u200b"),
        ("name", "A\nB"),
        ("kind", "merchant"),
        ("kind", "CUSTOMER"),
        ("currency", "kes"),
        ("owner", "a b"),
        ("owner", "x" * 81),
        ("balance", "1000000"),
        ("state", "active"),
    ],
    ids=str,
)
async def test_a_wallet_is_opened_with_proper_words_only(demo: Town, field, value) -> None:
    body = {"kind": "customer", "msisdn": unique_msisdn(), "currency": "KES", "name": CANARY}

    is_problem(await demo.staff.post("/v1/wallets", body | {field: value}), 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "application/json; charset=utf-16"},
        {"Content_Type": "application/json; charset=utf-7"},
        {"Content_Type": "application/jsonp"},
        {"Content_Type": ""},
        {"Content_Type": None},
        {"Content_Encoding": "gzip"},
        {"Content_Encoding": "identity"},
    ],
    ids=str,
)
async def test_a_body_is_plain_json_by_its_headers_too(alice: Holder, headers) -> None:
    content = text(alice).encode()
    if "gzip" in headers.values():
        content = gzip.compress(content)

    answer = await post(alice, content, **headers)

    assert is_problem(answer, 415) == "unsupported_media_type"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8"])
async def test_proper_json_is_taken(alice: Holder, kind) -> None:
    answer = await post(alice, text(alice), Content_Type=kind)

    assert is_problem(answer, 422) == "wallet_not_found"


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024, 12 * 1024 * 1024])
async def test_a_body_is_refused_by_its_declared_length(alice: Holder, size) -> None:
    begun = time.monotonic()
    raw = await raw_exchange(
        alice,
        f"POST {SEND} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {alice.person.token}\r\nContent-Length: {size}\r\n\r\n",
    )

    assert b" 413 " in raw.splitlines()[0]
    assert b"body_too_large" in raw
    assert time.monotonic() - begun < QUICK_S


async def test_a_streamed_body_is_refused_as_soon_as_it_is_too_large(alice: Holder) -> None:
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 8 * 1024 * 1024:
            sent += 16 * 1024
            yield b" " * (16 * 1024)

    try:
        answer = await post(alice, endless())
    except httpx.TransportError:
        return  # The server hung up while the rest was still being sent.
    assert is_problem(answer, 413) == "body_too_large"


async def test_a_body_of_64_kib_is_read(alice: Holder) -> None:
    content = text(alice, recipient="x")
    content += " " * (64 * 1024 - len(content))

    assert is_problem(await post(alice, content), 422) == "validation"


async def test_more_than_one_authorization_is_no_authorization(alice: Holder) -> None:
    value = f"Bearer {alice.person.token}"
    answer = await alice.person.http.get(
        "/v1/movements", headers=[("Authorization", value), ("Authorization", value)]
    )

    assert is_problem(answer, 400) == "bad_request"


async def test_headers_are_few_and_small(alice: Holder) -> None:
    token = ("Authorization", f"Bearer {alice.person.token}")
    get = alice.person.http.get

    many = await get("/v1/movements", headers=[token] + [(f"X-{n}", "1") for n in range(101)])
    large = await get("/v1/movements", headers=[token, ("X-Baggage", "x" * 17_000)])

    assert is_problem(many, 431) == is_problem(large, 431) == "headers_too_large"


async def test_an_address_has_at_most_8_kib(alice: Holder) -> None:
    query = await alice.person.get(f"/v1/movements?wallet={'x' * 9000}")
    path = await alice.person.get(f"/v1/wallets/{'x' * 9000}")

    assert is_problem(query, 414) == is_problem(path, 414) == "uri_too_long"


NOWHERE = [
    "%00", "msisdn:%00", "msisdn:+254700000001%00", "msisdn:", "msisdn:%2B254%F0%9F%8E%89",
    "..", "%2e%2e%2f", "a;b", "%ff%fe", "%ed%a0%80", "null", "0", "*", "%25", "msisdn:%25",
    "' OR 1=1--", "UPPER", "{ID}", "HEX", "urn:uuid:ID", "ID%20", "ID%0a",
]  # fmt: skip


@pytest.mark.parametrize("spelled", NOWHERE)
async def test_a_name_that_is_no_id_finds_nothing(demo: Town, spelled) -> None:
    real = (await demo.customer()).wallet
    name = spelled.replace("UPPER", real.upper()).replace("HEX", real.replace("-", ""))
    name = name.replace("ID", real)
    for path in (f"/v1/wallets/{name}", f"/v1/wallets/{name}/balance", f"/v1/movements/{name}"):
        is_problem(await demo.staff.get(path), 404, 405)
    is_problem(await demo.staff.post(f"/v1/wallets/{name}/freeze"), 404)
    is_problem(await demo.staff.post(f"/v1/movements/{name}/release"), 404)
    is_problem(await demo.staff.get(f"/v1/movements?wallet={name}"), 404, 422)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("limit=-1", 422, "validation"),
        ("limit=0", 422, "validation"),
        ("limit=201", 422, "validation"),
        ("limit=1000000000", 422, "validation"),
        ("limit=" + "9" * 5000, 422, "validation"),
        ("limit=1e3", 422, "validation"),
        ("limit=%EF%BC%91", None, None),
        ("limit=%00", 422, "validation"),
        ("limit=canary-7f3e", 422, "validation"),
        ("cursor=canary-7f3e", 400, "cursor_invalid"),
        ("cursor=", 400, "cursor_invalid"),
        ("cursor=djE6", 400, "cursor_invalid"),
        ("cursor=djI6MQ", 400, "cursor_invalid"),
        ("cursor=djE6JyBPUiAxPTE", 400, "cursor_invalid"),
        ("cursor=%00", 400, "cursor_invalid"),
        ("cursor=%E2%82%AC", 400, "cursor_invalid"),
        ("cursor=" + "A" * 81, 422, "validation"),
        ("from=2026-11-24T00:00:00", 422, "validation"),
        ("to=2026-11-24", 422, "validation"),
        ("from=1732406400", 422, "validation"),
        ("from=0.5", 422, "validation"),
        ("to=1732406400000", 422, "validation"),
        ("from=yesterday", 422, "validation"),
        ("from=2026-11-24T24:00:00Z", 422, "validation"),
        ("from=2026-02-30T00:00:00Z", 422, "validation"),
        ("from=10000-01-01T00:00:00Z", 422, "validation"),
        ("from=%00", 422, "validation"),
    ],
)
async def test_a_list_is_asked_for_within_its_bounds(alice: Holder, query, status, code) -> None:
    for path in ("/v1/movements", f"/v1/wallets/{alice.wallet}/statement"):
        answer = await alice.person.get(f"{path}?{query}")
        if status is None:
            assert answer.status_code in {200, 422}
        else:
            assert is_problem(answer, status) == code


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("state=nowhere", {422}),
        ("state=%00", {422}),
        ("type=%00", {422}),
        ("type=canary-7f3e", {200}),
        ("type=" + "x" * 41, {422}),
        ("type=%25", {422}),
        ("wallet=" + "x" * 41, {422}),
        ("from=0001-01-01T00:00:00%2B14:00", {200}),
        ("to=9999-12-31T23:59:59-14:00", {200}),
    ],
)
async def test_movements_are_looked_for_by_published_words(alice: Holder, query, statuses) -> None:
    answer = await alice.person.get(f"/v1/movements?{query}")

    assert answer.status_code in statuses, answer.text
    assert CANARY not in answer.text
    if answer.status_code != 200:
        is_problem(answer)


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "", "\u0661".encode(), "9" * 19, "1 OR 1=1"])
async def test_a_position_is_a_number_that_was_given_out(alice: Holder, value) -> None:
    answer = await alice.person.http.get(
        f"/v1/wallets/{alice.wallet}/balance",
        headers={"Authorization": f"Bearer {alice.person.token}", "If-Projected": value},
    )

    assert is_problem(answer, 400) == "position_invalid"


async def test_a_position_not_reached_in_two_seconds_is_said_to_be_so(alice: Holder) -> None:
    begun = time.monotonic()
    answer = await alice.person.http.get(
        f"/v1/wallets/{alice.wallet}/balance",
        headers={"Authorization": f"Bearer {alice.person.token}", "If-Projected": "9" * 18},
    )

    assert is_problem(answer, 503) == "projection_behind"
    assert answer.headers["Retry-After"] == "1"
    assert 1.5 < time.monotonic() - begun < 6


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("TRACE", "/v1/movements", 405),
        ("PUT", "/v1/movements", 405),
        ("DELETE", "/v1/wallets/x", 405),
        ("PATCH", "/v1/wallets/x", 405),
        ("POST", "/v1/movements/p2p-transfer/", 404),
        ("GET", "/v1/movements/", 404),
        ("GET", "//v1/movements", 404),
        ("GET", "/v1/movements/../../metrics/x", 404),
        ("POST", "/v1/movements/nothing", 405),
        ("GET", "/v2/movements", 404),
    ],
)
async def test_only_what_is_published_is_there(demo: Town, method, path, status) -> None:
    answer = await demo.staff.http.request(
        method,
        path,
        headers={
            "Authorization": f"Bearer {demo.staff.token}",
            "X-HTTP-Method-Override": "GET",
            "Accept": "text/html",
        },
    )

    is_problem(answer, status, 404)


async def raw_exchange(alice: Holder, text: str) -> bytes:
    """Send bytes that no client library would, and read the answer."""
    where = urlsplit(str(alice.person.http.base_url))
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(text.encode("latin-1"))
        await writer.drain()
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: ([0-9]+)", head)
            return head + (await reader.readexactly(int(length[1])) if length else b"")
    finally:
        writer.close()


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x10\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: " + "9" * 30 + "\r\n",
    ],
)
async def test_lengths_that_contradict_are_refused(alice: Holder, lengths) -> None:
    raw = await raw_exchange(
        alice,
        f"POST {SEND} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{lengths}\r\n"
        "0\r\n\r\n{}",
    )

    assert raw.split(b" ")[1][:1] == b"4", raw


async def test_who_hangs_up_in_the_middle_harms_nobody(alice: Holder, demo: Town) -> None:
    where = urlsplit(str(alice.person.http.base_url))
    for _ in range(20):
        with socket.create_connection((where.hostname, where.port), timeout=2) as half:
            half.sendall(
                f"POST {SEND} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n".encode()
            )

    assert (await alice.person.get("/v1/movements")).status_code == 200


async def test_a_caller_who_hangs_up_still_has_the_money_moved(demo: Town, books) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    key = uuid.uuid4().hex
    where = urlsplit(str(alice.person.http.base_url))
    body = json.dumps(body_of(alice, recipient=bob.wallet))
    with socket.create_connection((where.hostname, where.port), timeout=2) as half:
        half.sendall(
            (
                f"POST {SEND} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Authorization: Bearer {alice.person.token}\r\nIdempotency-Key: {key}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
        for _ in range(100):
            found = books.execute("SELECT 1 FROM movements.command WHERE key = %s", [key])
            if found.fetchone():
                break
            await asyncio.sleep(0.01)

    again = await alice.person.post(SEND, body_of(alice, recipient=bob.wallet), key=key)

    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert await bob.balance(again) == "1.00"

"""Bad bodies: each is answered with a problem document, never with a fault, and never repeated."""

import gzip
import json
import time

import httpx
import pytest

from tests.e2e.hostile import CANARY, NOBODY, QUICK_S, SEND, is_problem, post, raw_exchange, text
from tests.e2e.town import Holder, Town, unique_msisdn

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
    ("a control of Latin-1", r'{"note": "\u009b2J"}', 400, "invalid_character"),
    ("what turns the direction", r'{"note": "a\u202eb"}', 400, "invalid_character"),
    ("what turns it in a name of a member", r'{"a\u202db": 1}', 400, "invalid_character"),
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
@pytest.mark.case("F4")
async def test_a_body_means_one_thing_or_is_refused(alice: Holder, content, status, code) -> None:
    if content is None:
        content = json.dumps({f"{CANARY} {number}": number for number in range(3000)})[:64_000]
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
        ({f"{CANARY} {CANARY}": CANARY}, "validation"),
        ({"sender": None}, "validation"),
        ({"sender": {"$ne": ""}}, "validation"),
        ({"sender": ["a", "b"]}, "validation"),
        ({"recipient": "msisdn:0701234567"}, "validation"),
        ({"recipient": "msisdn:+254700000001\n"}, "validation"),
        ({"recipient": "msisdn:+2547\u0660\u0660\u0660\u0660"}, "validation"),
        ({"recipient": "msisdn:+254700000001\u2066"}, "validation"),
        ({"recipient": "msisdn:+" + "1" * 16}, "validation"),
        ({"recipient": NOBODY.upper()}, "validation"),
        ({"recipient": "{" + NOBODY + "}"}, "validation"),
        ({"recipient": NOBODY.replace("-", "")}, "validation"),
        ({"recipient": "x" * 60_000}, "validation"),
        ({"recipient": "00000000-0000-0000-0000-000000000000"}, "wallet_not_found"),
        ({"note": 5}, "validation"),
        ({"note": {"a": CANARY}}, "validation"),
        ({"note": "a\nb"}, "validation"),
        ({"note": "a\u2067b"}, "validation"),
        ({"amount": {"value": CANARY, "currency": "KES"}}, "amount_invalid"),
        ({"amount": {"value": "1", "currency": CANARY}}, "amount_invalid"),
    ],
    ids=lambda value: str(value)[:48],
)
@pytest.mark.case("F5")
@pytest.mark.case("C3")
async def test_a_field_is_as_published_or_the_request_is_refused(
    alice: Holder, other, code
) -> None:
    assert is_problem(await post(alice, text(alice, **other)), 422) == code


@pytest.mark.parametrize(
    ("other", "pointer", "detail"),
    [
        ({"tenant_id": 2}, "/tenant_id", "there is no such member"),
        ({"amount": {"value": "1", "currency": "KES", "minor": 7}}, "/amount", None),
        ({f"{CANARY} {CANARY}": 1}, "/\u2026", "there is no such member"),
        ({"sender": None}, "/sender", None),
        ({"note": ["x"]}, "/note", "a text is expected"),
    ],
    ids=lambda value: str(value)[:48],
)
async def test_a_member_that_is_wrong_or_too_much_is_pointed_to(
    alice: Holder, other, pointer, detail
) -> None:
    answer = await post(alice, text(alice, **other))

    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert detail is None or error["detail"] == detail
    is_problem(answer, 422)


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
        ("name", "Ada\u2066adA"),
        ("name", "Ada\u200b"),
        ("name", "A\nB"),
        ("kind", "biller"),
        ("kind", "CUSTOMER"),
        ("currency", "kes"),
        ("owner", "a b"),
        ("owner", "x" * 81),
        ("balance", "1000000"),
        ("state", "active"),
    ],
    ids=str,
)
@pytest.mark.case("F2")
@pytest.mark.case("F1")
async def test_a_wallet_is_opened_with_proper_words_only(demo: Town, field, value) -> None:
    body = {"kind": "customer", "msisdn": unique_msisdn(), "currency": "KES", "name": CANARY}

    is_problem(await demo.staff.post("/v1/wallets", body | {field: value}), 422)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", None),
        ("\u0da0\u0db1\u0dca\u0daf\u0dca\u200d\u0dbb\u0dd2\u0d9a\u0dcf", None),
        ("Jean\u00a0Paul", None),
        ("\u00a0Ada Moyo\u200c", "Ada Moyo"),
    ],
    ids=ascii,
)
@pytest.mark.case("F2")
async def test_a_name_is_kept_as_it_is_written_in_its_script(demo: Town, written, kept) -> None:
    body = {"kind": "customer", "msisdn": unique_msisdn(), "currency": "KES", "name": written}

    opened = await demo.staff.post("/v1/wallets", body)
    assert opened.status_code == 201, opened.text
    shown = await demo.staff.get(f"/v1/wallets/{opened.json()['id']}")

    assert shown.json()["name"] == (kept or written)


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

"""A customer proves their PIN for each payment; staff and agents' programs do not have one."""

import hashlib
import json
import uuid
from typing import Any

import httpx
import pytest

from api.scopes import scopes
from tests.e2e.town import CUSTOMER, Holder, Person, Town, amount

PIN, PATH = "4071", "/v1/movements/p2p-transfer"


@pytest.fixture
async def wanjiru(demo: Town) -> Holder:
    """A customer with money, a PIN and the role that needs it."""
    subject = f"wanjiru-{uuid.uuid4().hex[:8]}"
    claims = demo.claims(subject, CUSTOMER, roles=["customer"])
    person = Person(demo.staff.http, subject, demo.sign(claims))
    holder = await demo.wallet(person)
    till = await demo.funded("agent", "1000")
    paid = await demo.staff.move("cash-in", "100", agent=till.wallet, customer=holder.wallet)
    assert paid.status_code == 201, paid.text
    assert (await put_pin(holder, {"pin": PIN})).status_code == 204
    return holder


async def put_pin(holder: Holder, body: dict[str, str]) -> httpx.Response:
    return await holder.person.http.put(
        f"/v1/wallets/{holder.wallet}/pin", json=body,
        headers={"Authorization": f"Bearer {holder.person.token}"},
    )  # fmt: skip


def written(holder: Holder, to: Holder, value: str = "10") -> bytes:
    body = {"sender": holder.wallet, "recipient": to.wallet, "amount": amount(value)}
    return json.dumps(body).encode()


async def proves(holder: Holder, request: bytes, pin: str = PIN) -> httpx.Response:
    digest = hashlib.sha256(PATH.encode() + b"\n" + request).hexdigest()
    about = {"wallet": holder.wallet, "pin": pin, "request": digest}
    return await holder.person.post("/v1/pin/verifications", about)


async def sends(holder: Holder, request: bytes, proof: str | None, key: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {holder.person.token}", "Content-Type": "application/json",
               "Idempotency-Key": key or uuid.uuid4().hex}  # fmt: skip
    more = {"PIN-Proof": proof} if proof else {}
    return await holder.person.http.post(PATH, content=request, headers={**headers, **more})


async def test_a_payment_needs_its_own_proof(demo: Town, wanjiru: Holder, alice: Holder) -> None:
    request, other = written(wanjiru, alice), written(wanjiru, alice, "11")
    proof = (await proves(wanjiru, request)).json()["proof"]

    assert code(await sends(wanjiru, request, None)) == (403, "pin_proof_missing")
    assert code(await sends(wanjiru, request, "made up")) == (403, "pin_proof_invalid")
    assert code(await sends(wanjiru, other, proof)) == (403, "pin_proof_invalid")
    paid = await sends(wanjiru, request, proof, "once")
    assert paid.status_code == 201, paid.text
    again = await sends(wanjiru, request, proof, "once")
    assert (again.status_code, again.json()["id"]) == (201, paid.json()["id"])
    assert code(await sends(wanjiru, request, proof)) == (403, "pin_proof_invalid"), "a second one"
    assert await wanjiru.balance(paid) == "90.00"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_wrong_pin_proves_nothing_and_is_not_repeated(wanjiru: Holder) -> None:
    answer = await proves(wanjiru, b"{}", "9182")

    assert code(answer) == (403, "pin_refused")
    assert "9182" not in answer.text


async def test_nobody_proves_the_pin_of_another(demo: Town, wanjiru: Holder, alice: Holder) -> None:
    about = {"wallet": wanjiru.wallet, "pin": PIN, "request": "0" * 64}
    answer = await alice.person.post("/v1/pin/verifications", about)

    assert code(answer) == (404, "wallet_not_found")


@pytest.mark.case("D8")
@pytest.mark.parametrize(
    "body", [{"pin": "4071", "extra": "4071"}, {"pin": 4071}, {"pin": "4" * 65}, {"pins": "4071"}]
)
async def test_a_pin_in_the_wrong_shape_is_not_told_back(
    wanjiru: Holder, body: dict[str, Any]
) -> None:
    answer = await put_pin(wanjiru, body)

    assert answer.status_code == 422
    assert "4071" not in answer.text


@pytest.mark.case("D6")
async def test_a_new_pin_is_no_easy_one(wanjiru: Holder) -> None:
    refused = [
        code(await put_pin(wanjiru, {"pin": pin, "current": PIN}))
        for pin in ("1234", "12", wanjiru.alias[-4:], PIN)
    ]

    assert refused == [
        (422, "pin_weak"), (422, "pin_invalid"), (422, "pin_weak"), (422, "pin_used_before"),
    ]  # fmt: skip


async def test_a_reset_takes_two_of_the_staff_and_the_customer(demo: Town, wanjiru: Holder) -> None:
    checker = demo.somebody(scopes(), name="second")
    asked = await demo.staff.post(f"/v1/wallets/{wanjiru.wallet}/pin-resets")
    path = f"/v1/pin-resets/{asked.json()['id']}/approve"

    assert code(await demo.staff.post(path)) == (403, "maker_may_not")
    approved = await checker.post(path)
    assert approved.status_code == 201, approved.text
    new = {"pin": "8350", "code": approved.json()["code"]}
    assert (await put_pin(wanjiru, new)).status_code == 204
    assert code(await put_pin(wanjiru, new | {"pin": "6193"})) == (403, "pin_refused")
    assert (await proves(wanjiru, b"{}", "8350")).status_code == 201
    assert code(await proves(wanjiru, b"{}", PIN)) == (403, "pin_refused")

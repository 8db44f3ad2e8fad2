"""Webhooks: signed, tried again, given up in the open, and each endpoint by itself."""

import secrets
from typing import Any

import psycopg
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.e2e.ruling import give_product, rule
from tests.e2e.test_messages import until
from tests.e2e.town import Holder, Town
from tests.servers.webhook_receiver import receiver


async def registered(town: Town, url: str) -> dict[str, Any]:
    answer = await town.staff.post("/v1/webhooks", {"url": url})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def payer(town: Town, books: psycopg.Connection) -> tuple[Holder, int]:
    """A customer with money whose wallet is of a product of its own."""
    product = 1000 + secrets.randbelow(10**6)
    holder = await town.customer("500")
    give_product(books, holder.wallet, product)
    return holder, product


async def deliveries(town: Town, endpoint: str, state: str) -> list[dict[str, Any]]:
    answer = await town.staff.get(f"/v1/webhooks/{endpoint}/deliveries?state={state}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.mark.case("J8")
async def test_a_webhook_is_signed_by_every_secret_that_counts(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, product = await payer(demo, books)
    bob = await demo.customer()
    async with receiver() as program:
        endpoint = await registered(demo, program.url)
        rotated = await demo.staff.post(f"/v1/webhooks/{endpoint['id']}/rotate-secret")
        assert rotated.status_code == 200, rotated.text
        told = {"endpoint": endpoint["id"], "fields": ["amount", "parties"]}
        with rule(books, "wallet.transfer", "webhook", told, product=product):
            sent = await alice.sends("25", bob)
            assert sent.status_code == 201, sent.text
            headers, body = (await until(lambda: program.heard))[0]

    for secret in (endpoint["secret"], rotated.json()["secret"]):
        read = Webhook(secret).verify(body, headers)
        assert read["type"] == "wallet.transfer"
        assert read["amount"] == {"value": "25.00", "currency": "KES"}
        assert read["parties"] == {"payer": alice.wallet, "payee": bob.wallet}
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint["secret"]).verify(body.replace(b"25.00", b"99.00"), headers)
    assert headers["accept-encoding"] == "identity"
    assert "secret" not in (await demo.staff.get(f"/v1/webhooks/{endpoint['id']}")).json()


@pytest.mark.case("J4")
@pytest.mark.case("J7")
async def test_a_failing_endpoint_ends_in_dead_letters_and_delays_no_other(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, product = await payer(demo, books)
    bob = await demo.customer()
    async with receiver(302) as failing, receiver() as fine:
        bad, good = await registered(demo, failing.url), await registered(demo, fine.url)
        with (
            rule(books, "wallet.transfer", "webhook", {"endpoint": bad["id"]}, product=product),
            rule(books, "wallet.transfer", "webhook", {"endpoint": good["id"]}, product=None),
        ):
            await alice.sends("25", bob)
            (dead,) = await until(lambda: deliveries(demo, bad["id"], "dead"))
            assert dead["tries"] == 4
            assert dead["status"] == 302
            assert len(failing.heard) == 4, "a redirect is not followed"
            assert len({headers["webhook-id"] for headers, _ in failing.heard}) == 1
            failing.status = 200
            again = f"/v1/webhooks/{bad['id']}/deliveries/{dead['id']}/redeliver"
            assert (await demo.staff.post(again)).status_code == 202
            (delivered,) = await until(lambda: deliveries(demo, bad["id"], "delivered"))
            assert delivered["id"] == dead["id"]
    assert (await demo.staff.post(again.replace(dead["id"], bad["id"]))).status_code == 404


@pytest.mark.case("J9")
async def test_what_is_delivered_again_has_the_id_that_it_had(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, product = await payer(demo, books)
    bob = await demo.customer()
    async with receiver() as program:
        endpoint = await registered(demo, program.url)
        told = {"endpoint": endpoint["id"]}
        with rule(books, "wallet.transfer", "webhook", told, product=product):
            await alice.sends("25", bob)
            (kept,) = await until(lambda: deliveries(demo, endpoint["id"], "delivered"))
        again = f"/v1/webhooks/{endpoint['id']}/deliveries/{kept['id']}/redeliver"
        assert (await demo.staff.post(again)).status_code == 202
        await until(lambda: len(program.heard) == 2)

    (first, body), (second, same) = program.heard
    assert first["webhook-id"] == second["webhook-id"] == kept["id"]
    assert body == same


@pytest.mark.case("J10")
async def test_another_tenants_receiver_hears_what_its_own_secret_does_not_sign(
    demo: Town, other: Town, books: psycopg.Connection
) -> None:
    alice, product = await payer(demo, books)
    bob = await demo.customer()
    async with receiver() as program:
        theirs, ours = await registered(other, program.url), await registered(demo, program.url)
        with rule(books, "wallet.transfer", "webhook", {"endpoint": ours["id"]}, product=product):
            await alice.sends("25", bob)
            headers, body = (await until(lambda: program.heard))[0]

    with pytest.raises(WebhookVerificationError):
        Webhook(theirs["secret"]).verify(body, headers)
    for path in ("", "/deliveries", "/rotate-secret"):
        where = f"/v1/webhooks/{theirs['id']}{path}"
        ask = demo.staff.post if path == "/rotate-secret" else demo.staff.get
        assert (await ask(where)).status_code == 404


WRONG = [
    "http://hooks.safaricom.com/", "file:///etc/passwd", "gopher://hooks.safaricom.com/",
    "https://user:pass@hooks.safaricom.com/", "https://hooks.safaricom.com:22/",
    "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0177.0.0.1/",
    "https://0x7f000001/", "https://[::ffff:127.0.0.1]/", "https://localhost./",
    "https://0.0.0.0/", "https://169.254.169.254/latest/meta-data/", "https://[fd00::1]/",
    "https://vault.internal/", "https://localhost/",
]  # fmt: skip


@pytest.mark.case("J1")
@pytest.mark.parametrize("url", WRONG)
async def test_no_webhook_goes_into_our_own_network(demo: Town, url: str) -> None:
    answer = await demo.staff.post("/v1/webhooks", {"url": url})

    assert answer.status_code == 422
    assert answer.json()["code"] == "webhook_address"


async def test_a_ping_tells_whether_an_endpoint_hears_whatever_it_listens_to(demo: Town) -> None:
    async with receiver() as program:
        body = {"url": program.url, "events": ["wallet.transfer"]}
        endpoint = (await demo.staff.post("/v1/webhooks", body)).json()
        pinged = await demo.staff.post(f"/v1/webhooks/{endpoint['id']}/ping")
        assert pinged.status_code == 202, pinged.text
        headers, body_heard = (await until(lambda: program.heard))[0]
        (delivered,) = await until(lambda: deliveries(demo, endpoint["id"], "delivered"))

    read = Webhook(endpoint["secret"]).verify(body_heard, headers)
    assert read["type"] == "webhook.ping"
    assert read["id"] == delivered["id"] == pinged.json()["id"] == headers["webhook-id"]


async def test_an_endpoint_that_is_gone_takes_neither_pings_nor_dead_letters(demo: Town) -> None:
    async with receiver(410) as program:
        endpoint = await registered(demo, program.url)
        path = f"/v1/webhooks/{endpoint['id']}"
        await demo.staff.post(f"{path}/ping")
        (dead,) = await until(lambda: deliveries(demo, endpoint["id"], "dead"))
        read = (await demo.staff.get(path)).json()
        again = await demo.staff.post(f"{path}/ping")
        letter = await demo.staff.post(f"{path}/deliveries/{dead['id']}/redeliver")

    assert (read["state"], read["disabled_because"]) == ("disabled", "gone")
    assert (dead["status"], dead["tries"], len(program.heard)) == (410, 1, 1)
    for refused in (again, letter):
        assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")


async def test_a_ping_of_another_tenants_endpoint_is_not_found(demo: Town, other: Town) -> None:
    endpoint = await registered(other, "http://127.0.0.1:9/hook")

    assert (await demo.staff.post(f"/v1/webhooks/{endpoint['id']}/ping")).status_code == 404

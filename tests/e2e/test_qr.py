"""QR codes over the API: a merchant shows one, a customer scans it, sees whom, and pays."""

from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.town import CUSTOMER, Holder, Person, Town, unique_msisdn


async def merchant(town: Town) -> Holder:
    return await town.wallet(town.somebody(), "merchant")


async def shown(person: Person, wallet: str, **about: str) -> httpx.Response:
    return await person.get(f"/v1/wallets/{wallet}/qr?{urlencode(about)}")


async def scanned(person: Person, text: str) -> httpx.Response:
    return await person.post("/v1/qr/decodings", {"text": text})


async def test_what_a_merchant_shows_is_what_a_customer_pays(demo: Town) -> None:
    shop, alice = await merchant(demo), await demo.customer("200")
    payer = Person(
        alice.person.http,
        alice.person.subject,
        demo.sign(demo.claims(alice.person.subject, CUSTOMER | {"movements:merchant-payment"})),
    )

    code = await shown(shop.person, shop.wallet, amount="120.5", reference="Till 7", format="text")
    told = (await scanned(payer, code.text)).json()
    paid = await payer.move(
        "merchant-payment", told["amount"]["value"], customer=alice.wallet,
        merchant=told["merchant"], reference=told["reference"],
    )  # fmt: skip

    assert code.headers["content-type"].startswith("text/plain")
    assert told == {
        "merchant": shop.wallet, "name": "A name", "currency": "KES",
        "amount": {"value": "120.50", "currency": "KES"}, "reference": "Till 7",
    }  # fmt: skip
    assert paid.status_code == 201, paid.text
    assert await shop.balance(paid) == "120.50"


async def test_a_static_code_leaves_the_amount_to_the_customer(demo: Town) -> None:
    shop, alice = await merchant(demo), await demo.customer()

    codes = [await shown(shop.person, shop.wallet, format="text") for _ in range(2)]
    told = (await scanned(alice.person, codes[0].text)).json()

    assert codes[0].text == codes[1].text
    assert "5802KE" in codes[0].text
    assert (told["amount"], told["reference"]) == (None, None)


async def test_a_code_names_the_merchant_in_its_own_script_and_for_foreign_readers(
    demo: Town,
) -> None:
    body = {"kind": "merchant", "msisdn": unique_msisdn(), "currency": "KES", "name": "Ɗanladi"}
    shop = (await demo.staff.post("/v1/wallets", body)).json()["id"]

    code = await shown(demo.staff, shop, format="text")
    drawn = await shown(demo.staff, shop, format="png")
    told = await scanned(demo.staff, code.text)

    assert "5907Danladi" in code.text
    assert code.text[:-8].endswith("64170002en0107Ɗanladi")
    assert drawn.status_code == 200
    assert told.json()["name"] == "Ɗanladi"


@pytest.mark.parametrize(
    ("form", "media_type", "begins"),
    [("svg", "image/svg+xml", b"<?xml"), ("png", "image/png", b"\x89PNG\r\n")],
)
async def test_a_code_is_drawn(demo: Town, form: str, media_type: str, begins: bytes) -> None:
    shop = await merchant(demo)

    drawn = await shown(shop.person, shop.wallet, format=form)

    assert drawn.headers["content-type"] == media_type
    assert drawn.content.startswith(begins)


async def test_who_is_no_merchant_has_no_code_and_others_see_none(demo: Town, other: Town) -> None:
    shop, alice = await merchant(demo), await demo.customer()

    told = [
        await shown(alice.person, alice.wallet),
        await shown(alice.person, shop.wallet),
        await shown(other.staff, shop.wallet),
        await shown(shop.person, shop.wallet, amount="0"),
        await shown(shop.person, shop.wallet, amount="1.001"),
        await shown(shop.person, shop.wallet, reference=";"),
    ]

    assert [(one.status_code, one.json()["code"]) for one in told] == [
        (422, "no_merchant"), (404, "wallet_not_found"), (404, "wallet_not_found"),
        (422, "validation"), (422, "amount_invalid"), (422, "validation"),
    ]  # fmt: skip


async def test_a_code_of_another_operator_or_of_nobody_is_not_read(demo: Town, other: Town) -> None:
    shop, alice = await merchant(demo), await demo.customer()
    text = (await shown(shop.person, shop.wallet, format="text")).text
    await demo.staff.post(f"/v1/wallets/{shop.wallet}/close")

    told = [
        await scanned(other.somebody(), text),
        await scanned(alice.person, text[:-1] + ("0" if text[-1] != "0" else "1")),
        await scanned(alice.person, unique_msisdn()),
        await scanned(alice.person, text),
    ]

    assert [(one.status_code, one.json()["code"]) for one in told] == [(422, "qr_invalid")] * 4
    assert told[3].json()["detail"] == "there is no such merchant"

"""Merchants' codes: as EMVCo has them, read again as written, and refused with any damage."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmo.kernel.money import Money
from mmo.qr.fields import QrError, crc, opened, read, sealed
from mmo.qr.merchant import MerchantCode, read_code, scheme_of, write

WALLET = UUID("01a20d90-aad9-74da-86e7-000000000001")
STATIC = MerchantCode(tenant="demo", wallet=WALLET, currency="KES")
DYNAMIC = MerchantCode(
    tenant="demo", wallet=WALLET, currency="KES", amount=Money(120_50, "KES"), reference="Till 7"
)
PLACE = {"name": "Café Ñandú", "city": "Nairobi", "country": "KE"}
CODES = st.builds(
    MerchantCode,
    tenant=st.just("demo"),
    wallet=st.uuids(),
    currency=st.just("KES"),
    amount=st.none() | st.integers(1, 10**12 - 1).map(lambda minor: Money(minor, "KES")),
    reference=st.just("") | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 /:.-]{0,24}", fullmatch=True),
)


def code_of(text: str) -> MerchantCode:
    return read_code(text, "demo", ("KES", "UGX"))


def test_the_check_sum_is_that_of_the_catalogue_of_crcs() -> None:
    assert crc("123456789") == "29B1"


def test_a_static_code_field_by_field() -> None:
    text = write(STATIC, **PLACE)

    assert text[:12] == "000201010211"
    assert text[12:16] == "2672"
    assert text[16:88] == f"0032{scheme_of('demo')}0132{WALLET.hex}"
    assert text[88:-4] == (
        "5204000053034045802KE5910Cafe Nandu6007Nairobi64200002en0110Café Ñandú6304"
    )


def test_a_dynamic_code_says_amount_and_reference() -> None:
    fields = opened(write(DYNAMIC, **PLACE))

    assert (fields["01"], fields["54"], read(fields["62"])) == ("12", "120.50", {"05": "Till 7"})


@settings(deadline=None)
@given(CODES, st.text(max_size=80), st.text(max_size=40))
def test_what_was_written_is_read_again(code: MerchantCode, name: str, city: str) -> None:
    assert code_of(write(code, name=name, city=city, country="KE")) == code


@settings(deadline=None)
@given(st.data())
def test_damage_to_any_one_byte_is_seen(data: st.DataObject) -> None:
    text = write(DYNAMIC, **PLACE)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda one: one != text[place]))

    with pytest.raises(QrError):
        code_of(text[:place] + other + text[place + 1 :])


def test_every_other_printable_byte_at_every_place_is_seen() -> None:
    text = write(DYNAMIC, **PLACE)
    for place, byte in enumerate(text):
        for other in map(chr, range(0x20, 0x7F)):
            if other != byte:
                with pytest.raises(QrError):
                    opened(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "", "6304", "0002", sealed(""), sealed("0002"), sealed("00020000"), sealed("0002010002x1"),
        sealed("000201"), sealed("26040102"), write(STATIC, **PLACE)[:-1], "x" * 600,
        "\u0660\u0660" + write(STATIC, **PLACE),
    ],
)  # fmt: skip
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(QrError):
        code_of(text)


def test_a_code_of_another_operator_or_in_another_currency_is_refused() -> None:
    text = write(STATIC, **PLACE)

    with pytest.raises(QrError, match="another operator"):
        read_code(text, "other", ("KES",))
    with pytest.raises(QrError, match="currency"):
        read_code(text, "demo", ("UGX",))


@pytest.mark.parametrize(
    ("amount", "reference"),
    [(Money(0, "KES"), ""), (Money(-1, "KES"), ""), (Money(10**13, "KES"), ""),
     (None, " 7"), (None, "7;"), (None, "7" * 26)],
)  # fmt: skip
def test_what_does_not_fit_into_a_code_is_refused(amount: Money | None, reference: str) -> None:
    code = MerchantCode(
        tenant="demo", wallet=WALLET, currency="KES", amount=amount, reference=reference
    )

    with pytest.raises(QrError):
        write(code, **PLACE)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Ɗanladi Ƙaura", "Danladi Kaura"),
        ("Ọláolúwa Ŋɛŋɛ", "Olaoluwa Ngenge"),
        ("Café Ñandú", "Cafe Nandu"),
        ("ቡና ቤት", "buna bet"),
        ("🎂 Cakes", "Cakes"),
        ("Mama Ntilie", "Mama Ntilie"),
        ("x" * 40, "x" * 25),
        ("\U0001f382", "Merchant"),
    ],
)
def test_a_name_is_transliterated_for_readers_of_ascii(name: str, folded: str) -> None:
    written = opened(write(STATIC, name=name, city="", country="ET"))["59"]

    assert written == folded


def test_the_language_template_carries_the_name_as_it_is() -> None:
    fields = opened(write(STATIC, name="ቡና ቤት", city="", country="ET", language="am"))
    plain = opened(write(STATIC, name="Mama Ntilie", city="", country="TZ", language="sw"))
    older = opened(write(STATIC, name="ቡና ቤት", city="", country="ET", language="gez"))

    assert read(fields["64"]) == {"00": "am", "01": "ቡና ቤት"}
    assert "64" not in plain
    assert read(older["64"])["00"] == "en"


def test_the_example_of_emvco_is_read_with_its_name_in_chinese() -> None:
    fields = opened(
        "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802"
        "CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.725303156550201"
        "6233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A"
    )

    assert fields["59"] == "BEST TRANSPORT"
    assert read(fields["64"]) == {"00": "ZH", "01": "最佳运输", "02": "北京"}


def test_a_field_of_its_own_is_in_ascii() -> None:
    with pytest.raises(QrError, match="ASCII"):
        opened(sealed("0002015904ቡና ቤ"))

"""A token proves something, or it proves nothing: every flaw is one and the same exception."""

import base64
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mmo.keys.development import DevelopmentKeys
from mmo.keys.ports import TYPES, NoKeyError, Purpose, TrustedKey
from mmo.keys.verifier import SKEW_S, InvalidTokenError, Verifier
from tests.mmo.keys.attacks import ATTACKS, CASES, ORDER, now
from tests.mmo.keys.forge import Forge, b64, claims


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    folder = tmp_path_factory.mktemp("keys")
    keys = DevelopmentKeys(folder)
    keys.make("demo")
    keys.make("other")
    return Forge(keys, folder)


def verifier(forge: Forge, purpose: Purpose = Purpose.JWT) -> Verifier:
    return Verifier(forge.keys, purpose, "mmo-api")


@dataclass(frozen=True, slots=True)
class Fixed:
    """Trusts what it is told to."""

    keys: Mapping[str, TrustedKey]

    def trusted(self) -> Mapping[str, TrustedKey]:
        return self.keys

    def on_change(self, call: Callable[[], None]) -> None:
        """Nothing changes."""


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.case(case) for case, begin in CASES.items() if name.startswith(begin)]


@pytest.mark.parametrize("name", [pytest.param(name, marks=_marks(name)) for name in ATTACKS])
def test_a_forged_token_proves_nothing_and_costs_little(
    forge: Forge, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ATTACKS[name](forge)
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: asked.append(where))
    proving = verifier(forge)
    begun = time.perf_counter()

    with pytest.raises(InvalidTokenError):
        proving.verify(token)

    assert time.perf_counter() - begun < 0.2
    assert asked == [], "no address in a token is ever visited"


def test_a_genuine_token_tells_its_claims(forge: Forge) -> None:
    told = claims()

    assert verifier(forge).verify(forge.token(told)) == told


def test_both_tenants_tokens_are_genuine_each_for_its_own(forge: Forge) -> None:
    token = forge.token(claims(tenant="other"), signed_by="other")

    assert verifier(forge).verify(token)["tenant"] == "other"


@pytest.mark.case("A13")
@pytest.mark.case("A30")
@pytest.mark.parametrize(
    ("late_s", "fine"), [(-1, True), (0, True), (SKEW_S - 1, True), (SKEW_S, False)]
)
def test_it_expires_on_the_second_but_for_the_skew(forge: Forge, late_s: int, fine: bool) -> None:
    told = claims()
    token = forge.token(told)

    def proved() -> bool:
        try:
            return bool(verifier(forge).verify(token, now=told["exp"] + late_s))
        except InvalidTokenError:
            return False

    assert proved() is fine


def test_a_token_that_begins_later_is_not_genuine_yet(forge: Forge) -> None:
    told = claims()
    begins = told["iat"] + 60
    token = forge.token(told | {"nbf": begins})

    assert verifier(forge).verify(token, now=begins)
    with pytest.raises(InvalidTokenError, match="nbf"):
        verifier(forge).verify(token, now=begins - SKEW_S - 1)


@pytest.mark.case("A25")
def test_a_token_that_was_seen_counts_no_longer_than_its_key(forge: Forge) -> None:
    token, kid = forge.token(claims()), forge.kid()
    keys = dict(forge.keys.trusted())
    proving = Verifier(Fixed(keys), Purpose.JWT, "mmo-api")
    assert proving.verify(token) == proving.verify(token)

    keys[kid] = replace(keys[kid], not_after=now() - 1)
    with pytest.raises(InvalidTokenError, match="kid"):
        proving.verify(token)
    del keys[kid]
    with pytest.raises(InvalidTokenError, match="kid"):
        proving.verify(token)


def test_a_token_that_was_seen_expires_all_the_same(forge: Forge) -> None:
    told = claims()
    token, proving = forge.token(told), verifier(forge)
    proving.verify(token)["scope"] = "changed by whoever asked"

    assert proving.verify(token) == told
    with pytest.raises(InvalidTokenError, match="time"):
        proving.verify(token, now=told["exp"] + SKEW_S)


@pytest.mark.case("A25")
def test_a_retired_key_vouches_for_nothing_after_its_time(forge: Forge) -> None:
    token = forge.token(claims())
    kid = forge.kid()
    keys = dict(forge.keys.trusted())
    keys[kid] = replace(keys[kid], not_after=now() - 1)

    with pytest.raises(InvalidTokenError, match="kid"):
        Verifier(Fixed(keys), Purpose.JWT, "mmo-api").verify(token)


def test_an_access_token_is_no_decision_and_a_decision_no_access_token(forge: Forge) -> None:
    access = forge.token(claims())
    decision = forge.token(claims(), purpose=Purpose.DECISION, header={"typ": "decision+jwt"})

    assert verifier(forge, Purpose.DECISION).verify(decision)
    for token, purpose in ((access, Purpose.DECISION), (decision, Purpose.JWT)):
        with pytest.raises(InvalidTokenError):
            verifier(forge, purpose).verify(token)


@pytest.mark.case("A20")
def test_the_twin_of_a_signature_is_the_same_token_by_its_jti(forge: Forge) -> None:
    """(r, n-s) verifies too: so a token is known by its jti, never by its text."""
    token = forge.token(claims())
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    other = f"{head}.{body}.{b64(twin)}"

    assert other != token
    assert verifier(forge).verify(other)["jti"] == verifier(forge).verify(token)["jti"]


class TestDevelopmentKeys:
    def test_are_readable_by_their_owner_only(self, tmp_path: Path) -> None:
        DevelopmentKeys(tmp_path / "keys").make("demo")

        made = list((tmp_path / "keys" / "demo").iterdir())
        assert {path.name for path in made} == {
            "jwt.pem",
            "decision.pem",
            "temporal.pem",
            "audit.pem",
            "pin.secret",
            "msisdn.secret",
        }
        assert {path.stat().st_mode & 0o777 for path in made} == {0o600}

    def test_stay_the_same_when_they_are_made_again(self, tmp_path: Path) -> None:
        keys = DevelopmentKeys(tmp_path)
        keys.make("demo")
        before = set(keys.trusted())
        keys.make("demo")

        assert set(DevelopmentKeys(tmp_path).trusted()) == before
        assert len(before) == len(TYPES)

    async def test_sign_for_no_tenant_without_keys(self, tmp_path: Path) -> None:
        with pytest.raises(NoKeyError, match="no jwt key of nobody"):
            await DevelopmentKeys(tmp_path).sign("nobody", Purpose.JWT, claims())

    def test_show_the_public_half_only(self, tmp_path: Path) -> None:
        keys = DevelopmentKeys(tmp_path)
        keys.make("demo")

        for key in keys.trusted().values():
            assert set(key.jwk) == {"crv", "kty", "x", "y", "alg", "use", "kid"}

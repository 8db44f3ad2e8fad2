"""A token proves something, or it proves nothing: every flaw is one and the same exception."""

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from mmo.keys.development import ISSUER, DevelopmentKeys
from mmo.keys.ports import TYPES, NoKeyError, Purpose, TrustedKey, issuer_of
from mmo.keys.verifier import LIFE_MAX_S, SKEW_S, InvalidTokenError, Verifier
from tests.mmo.keys.forge import GONE, Forge, b64, claims

NOW = int(time.time())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


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


def symmetric(forge: Forge, form: str) -> str:
    """Signed with the public key as a secret, the oldest trick."""
    public = forge.private("demo", Purpose.JWT).public_key()
    secret = {
        "pem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "der": public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "jwk": json.dumps(dict(forge.keys.trusted()[forge.kid()].jwk)).encode(),
    }[form]
    header = json.dumps({"alg": "HS256", "kid": forge.kid(), "typ": "at+jwt"}).encode()
    signing = f"{b64(header)}.{b64(json.dumps(claims()).encode())}"
    mac = hmac.digest(secret, signing.encode(), hashlib.sha256)
    return f"{signing}.{b64(mac)}"


def text(**other: Any) -> str:
    return json.dumps(claims(**other))


def good(forge: Forge) -> str:
    return forge.token(claims())


def without_signature(forge: Forge) -> str:
    return good(forge).rpartition(".")[0]


ATTACKS: dict[str, Callable[[Forge], str]] = {
    "alg none": lambda f: f.token(claims(), header={"alg": "none"}),
    "alg none, no signature": lambda f: without_signature(f) + ".",
    "alg HS256": lambda f: f.token(claims(), header={"alg": "HS256"}),
    "HS256 with the PEM": lambda f: symmetric(f, "pem"),
    "HS256 with the DER": lambda f: symmetric(f, "der"),
    "HS256 with the JWK": lambda f: symmetric(f, "jwk"),
    "alg RS256": lambda f: f.token(claims(), header={"alg": "RS256"}),
    "alg ES384": lambda f: f.token(claims(), header={"alg": "ES384"}),
    "alg a list": lambda f: f.token(claims(), header={"alg": ["ES256"]}),
    "alg a number": lambda f: f.token(claims(), header={"alg": 256}),
    "alg missing": lambda f: f.token(claims(), header={"alg": GONE}),
    "alg in small letters": lambda f: f.token(claims(), header={"alg": "es256"}),
    "kid missing": lambda f: f.token(claims(), header={"kid": GONE}),
    "kid unknown": lambda f: f.token(claims(), header={"kid": "0" * 43}),
    "kid a path": lambda f: f.token(claims(), header={"kid": "../../etc/passwd"}),
    "kid SQL": lambda f: f.token(claims(), header={"kid": "' OR 1=1 --"}),
    "kid a dict": lambda f: f.token(claims(), header={"kid": {"a": 1}}),
    "kid 10 KB": lambda f: f.token(claims(), header={"kid": "k" * 10_000}),
    "kid null": lambda f: f.token(claims(), header={"kid": None}),
    "jwk in the header": lambda f: f.token(claims(), header={"jwk": {"kty": "EC"}}),
    "jku": lambda f: f.token(claims(), header={"jku": "http://evil.example/"}),
    "x5u": lambda f: f.token(claims(), header={"x5u": "http://evil.example/"}),
    "x5c": lambda f: f.token(claims(), header={"x5c": ["MIIB"]}),
    "crit": lambda f: f.token(claims(), header={"crit": ["b64"], "b64": False}),
    "typ JWT": lambda f: f.token(claims(), header={"typ": "JWT"}),
    "typ missing": lambda f: f.token(claims(), header={"typ": GONE}),
    "typ of a decision": lambda f: f.token(claims(), header={"typ": "decision+jwt"}),
    "signed by another tenant's key": lambda f: f.token(
        claims(), header={"kid": f.kid("demo")}, signed_by="other"
    ),
    "another tenant, by its name": lambda f: f.token(claims(tenant="other")),
    "another tenant's claim": lambda f: f.token(claims() | {"tenant": "other"}),
    "another tenant's issuer": lambda f: f.token(claims(iss=issuer_of(ISSUER, "other"))),
    "tenant missing": lambda f: f.token(claims() | {"tenant": None}),
    "decision key": lambda f: f.token(claims(), purpose=Purpose.DECISION),
    "decision key, decision typ": lambda f: f.token(
        claims(), purpose=Purpose.DECISION, header={"typ": "decision+jwt"}
    ),
    "expired": lambda f: f.token(claims(iat=NOW - 400, exp=NOW - SKEW_S - 1)),
    "exp missing": lambda f: f.token(claims(exp=GONE)),
    "exp null": lambda f: f.token(claims(exp=None)),
    "exp a text": lambda f: f.token(claims(exp="9999999999")),
    "exp true": lambda f: f.token(claims(exp=True)),
    "exp a float": lambda f: f.token(claims(exp=NOW + 300.5)),
    "exp 1e400": lambda f: f.token(text().replace('"exp": ', '"exp": 1e400, "x": ').encode()),
    "exp NaN": lambda f: f.token(text().replace('"exp": ', '"exp": NaN, "x": ').encode()),
    "exp in ten years": lambda f: f.token(claims(exp=NOW + 10**8)),
    "a second too long": lambda f: f.token(claims(exp=NOW + LIFE_MAX_S + 1, iat=NOW)),
    "exp before iat": lambda f: f.token(claims(iat=NOW, exp=NOW - 1)),
    "iat in the future": lambda f: f.token(claims(iat=NOW + 1000, exp=NOW + 1300)),
    "iat missing": lambda f: f.token(claims(iat=GONE)),
    "nbf in the future": lambda f: f.token(claims(nbf=NOW + 500)),
    "nbf a text": lambda f: f.token(claims(nbf="0")),
    "aud missing": lambda f: f.token(claims(aud=GONE)),
    "aud a list": lambda f: f.token(claims(aud=["mmo-api", "x"])),
    "aud of another": lambda f: f.token(claims(aud="temporal")),
    "sub missing": lambda f: f.token(claims(sub=GONE)),
    "sub a number": lambda f: f.token(claims(sub=7)),
    "jti missing": lambda f: f.token(claims(jti=GONE)),
    "client missing": lambda f: f.token(claims(client_id=GONE)),
    "tenant twice": lambda f: f.token(
        text().replace('"tenant": "demo"', '"tenant": "other", "tenant": "demo"').encode()
    ),
    "alg twice": lambda f: f.token(
        claims(),
        header=f'{{"alg":"none","alg":"ES256","kid":"{f.kid()}","typ":"at+jwt"}}'.encode(),
    ),
    "payload a list": lambda f: f.token(b"[" + b"1," * 30 + b"1]"),
    "payload no JSON": lambda f: f.token(b"x" * 40),
    "payload no UTF-8": lambda f: f.token(b"\xff" * 40),
    "payload deep": lambda f: f.token(b'{"a":' * 500 + b"1" + b"}" * 500),
    "header deep": lambda _: b64(b'{"alg":"ES256","x":' + b"[" * 50_000) + ".e30.AA",
    "header a list": lambda f: f.token(claims(), header=b'["ES256", "at+jwt", "and more"]'),
    "junk after the signature": lambda f: good(f) + "!!!!",
    "padding": lambda f: good(f) + "==",
    "one letter of the signature": lambda f: _swapped(good(f), -5),
    "one letter of the payload": lambda f: _swapped(good(f), 200),
    "unused bits of the signature": lambda f: _unused_bits(good(f)),
    "all zeros for a signature": lambda f: without_signature(f) + "." + b64(bytes(64)),
    "r and s of the order": lambda f: (
        without_signature(f) + "." + b64(ORDER.to_bytes(32, "big") * 2)
    ),
    "no signature": without_signature,
    "empty": lambda _: "",
    "two segments": lambda _: "a.b",
    "encrypted": lambda _: "a.b.c.d.e",
    "8 MB": lambda _: "A" * 8_000_000 + ".B.C",
    "not ASCII": lambda f: good(f) + "é",
    "NUL": lambda f: good(f) + "\0",
    "a new line": lambda f: good(f) + "\n",
    "a space before it": lambda f: " " + good(f),
}


CASES = {
    "A1": "alg none", "A2": "HS256 with", "A3": ("alg a ", "alg missing"), "A4": "alg RS256",
    "A5": ("jwk in", "jku", "x5"), "A6": "crit", "A7": "kid ", "A8": "signed by another tenant's",
    "A9": ("another tenant's claim", "another tenant, by"), "A10": "another tenant's issuer",
    "A11": "aud ", "A12": ("typ ", "decision key"), "A13": "expired", "A14": ("exp ", "a second"),
    "A15": ("iat in the", "nbf in the"), "A16": "tenant twice", "A17": "alg twice",
    "A18": ("payload a list", "payload deep", "header deep"),
    "A19": ("junk after", "padding", "unused bits"), "A21": "all zeros", "A22": "8 MB",
}  # fmt: skip
"""Case of the threat model → how the names of its attacks begin."""


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.case(case) for case, begin in CASES.items() if name.startswith(begin)]


def _swapped(token: str, place: int) -> str:
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "B"
    return "".join(letters)


def _unused_bits(token: str) -> str:
    """Another text for the same bytes: base64url has spare bits at its end."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(token[-1]) ^ 1]
    changed = token[:-1] + other
    pad = "=="
    same = base64.urlsafe_b64decode(changed.rpartition(".")[2] + pad)
    assert same == base64.urlsafe_b64decode(token.rpartition(".")[2] + pad)
    return changed


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
    told = claims(nbf=NOW + 60)
    token = forge.token(told)

    assert verifier(forge).verify(token, now=NOW + 60)
    with pytest.raises(InvalidTokenError, match="nbf"):
        verifier(forge).verify(token, now=NOW + 60 - SKEW_S - 1)


@pytest.mark.case("A25")
def test_a_token_that_was_seen_counts_no_longer_than_its_key(forge: Forge) -> None:
    token, kid = forge.token(claims()), forge.kid()
    keys = dict(forge.keys.trusted())
    proving = Verifier(Fixed(keys), Purpose.JWT, "mmo-api")
    assert proving.verify(token) == proving.verify(token)

    keys[kid] = replace(keys[kid], not_after=NOW - 1)
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
    keys[kid] = replace(keys[kid], not_after=NOW - 1)

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

"""Tokens that prove nothing, each by the flaw it has: what every reader of tokens is tried with."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import serialization

from mmo.keys.development import ISSUER
from mmo.keys.ports import Purpose, issuer_of
from mmo.keys.verifier import LIFE_MAX_S, SKEW_S
from tests.mmo.keys.forge import GONE, Forge, b64, claims

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256."""


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


def now() -> int:
    """Asked when a token is made: a run may take longer than a token lives."""
    return int(time.time())


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
    "expired": lambda f: f.token(claims(iat=now() - 400, exp=now() - SKEW_S - 1)),
    "exp missing": lambda f: f.token(claims(exp=GONE)),
    "exp null": lambda f: f.token(claims(exp=None)),
    "exp a text": lambda f: f.token(claims(exp="9999999999")),
    "exp true": lambda f: f.token(claims(exp=True)),
    "exp a float": lambda f: f.token(claims(exp=now() + 3600.5)),
    "exp 1e400": lambda f: f.token(text().replace('"exp": ', '"exp": 1e400, "x": ').encode()),
    "exp NaN": lambda f: f.token(text().replace('"exp": ', '"exp": NaN, "x": ').encode()),
    "exp in ten years": lambda f: f.token(claims(exp=now() + 10**8)),
    "a second too long": lambda f: f.token(claims(exp=now() + LIFE_MAX_S + 1, iat=now())),
    "exp before iat": lambda f: f.token(claims(iat=now(), exp=now() - 1)),
    "iat in the future": lambda f: f.token(claims(iat=now() + 1000, exp=now() + 1300)),
    "iat missing": lambda f: f.token(claims(iat=GONE)),
    "nbf in the future": lambda f: f.token(claims(nbf=now() + 100_000)),
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

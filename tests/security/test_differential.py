"""Three readers of tokens, one verdict: what two others refuse, ours refuses, and more."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from api.guard import strict_loads
from api.problems import Problem
from mmo.keys.development import DevelopmentKeys
from mmo.keys.ports import Purpose
from mmo.keys.verifier import InvalidTokenError, Verifier
from tests.mmo.keys.attacks import ATTACKS
from tests.mmo.keys.forge import Forge, claims

STRICTER = {
    "a second too long", "alg twice", "another tenant's claim", "another tenant's issuer",
    "another tenant, by its name", "aud a list", "client missing", "exp a float", "exp a text",
    "exp in ten years", "jku", "jti missing", "jwk in the header", "kid 10 KB", "kid SQL",
    "kid a path", "kid missing", "kid unknown", "nbf a text", "padding", "sub missing",
    "tenant missing", "tenant twice", "typ JWT", "typ missing", "typ of a decision", "x5c", "x5u",
}  # fmt: skip
"""What others take at one place or another, by default or by design, and ours does not."""


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    folder = tmp_path_factory.mktemp("keys")
    keys = DevelopmentKeys(folder)
    keys.make("demo")
    keys.make("other")
    return Forge(keys, folder)


def public(forge: Forge) -> dict[str, str]:
    jwk = forge.keys.trusted()[forge.kid()].jwk
    return {name: jwk[name] for name in ("kty", "crv", "x", "y")}


def by_pyjwt(forge: Forge, token: str) -> dict[str, Any]:
    key = jwt.PyJWK({**public(forge), "alg": "ES256"})
    required = {"require": ["exp", "iat", "aud", "sub"]}
    return jwt.decode(token, key, algorithms=["ES256"], audience="mmo-api", options=required)


def by_joserfc(forge: Forge, token: str) -> dict[str, Any]:
    told = joserfc_jwt.decode(token, ECKey.import_key(public(forge)), algorithms=["ES256"])
    joserfc_jwt.JWTClaimsRegistry(
        exp={"essential": True},
        iat={"essential": True},
        aud={"essential": True, "value": "mmo-api"},
    ).validate(told.claims)
    return dict(told.claims)


def by_us(forge: Forge, token: str) -> dict[str, Any]:
    return Verifier(forge.keys, Purpose.JWT, "mmo-api").verify(token)


def takes(reader: Callable[[Forge, str], dict[str, Any]], forge: Forge, token: str) -> bool:
    try:
        reader(forge, token)
    except (InvalidTokenError, jwt.PyJWTError, JoseError, ValueError, RecursionError, TypeError):
        return False
    return True


def test_all_three_read_a_genuine_token_alike(forge: Forge) -> None:
    told = claims()
    token = forge.token(told)

    assert by_us(forge, token) == by_pyjwt(forge, token) == by_joserfc(forge, token) == told


def test_ours_takes_no_token_that_another_refuses(forge: Forge) -> None:
    tokens = {name: attack(forge) for name, attack in ATTACKS.items()}

    def taken(reader: Callable[[Forge, str], dict[str, Any]]) -> set[str]:
        return {name for name, token in tokens.items() if takes(reader, forge, token)}

    assert taken(by_us) == set()
    assert taken(by_pyjwt) | taken(by_joserfc) == STRICTER


LETTERS = st.text(alphabet='ABCxyz019-_.=! {}"é\0', max_size=400)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(junk=LETTERS, place=st.integers(0, 600), cut=st.integers(0, 40))
def test_whatever_is_done_to_a_token_there_is_one_exception(
    forge: Forge, junk: str, place: int, cut: int
) -> None:
    token = forge.token(claims())
    changed = token[:place] + junk + token[place + cut :]

    if changed != token:
        with pytest.raises(InvalidTokenError):
            by_us(forge, changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


def read_strictly(body: bytes) -> Any:
    """What was read, or the problem that says why not."""
    try:
        return strict_loads(body)
    except Problem as problem:
        return problem


@settings(max_examples=400, deadline=None)
@given(value=JSON)
def test_strict_json_reads_what_json_reads_or_says_why_not(value: Any) -> None:
    body = json.dumps(value).encode()
    read = read_strictly(body)

    assert read.status == 400 if isinstance(read, Problem) else read == json.loads(body)


@settings(max_examples=600, deadline=None)
@given(body=st.binary(max_size=300))
def test_strict_json_never_breaks(body: bytes) -> None:
    read = read_strictly(body)

    assert not isinstance(read, Problem) or read.status == 400

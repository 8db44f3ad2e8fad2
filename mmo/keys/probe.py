"""Whether a token can do what is asked of it: each mechanism once, with keys that are not kept."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from mmo.keys.token import PASSING, SAFE, Token

DIGEST = hashlib.sha256(b"probe").digest()


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of one mechanism."""

    mechanism: str
    needed_for: str
    works: bool
    detail: str


def probe(token: Token) -> list[Probed]:
    """Try every mechanism that mmo needs. Runs on the token's thread; leaves nothing behind."""
    probing = _Probing(token.session)
    return [
        _tried("EC_KEY_PAIR_GEN", "signing keys", probing.make_pair),
        _tried("ECDSA", "tokens, decisions, seals", probing.sign),
        _tried("GENERIC_SECRET_KEY_GEN", "keys for PIN and MSISDN", probing.make_secret),
        _tried("SHA256_HMAC", "PIN, blind index", probing.mac),
        _tried("AES_KEY_GEN", "key-encryption keys", probing.make_kek),
        _tried("AES_KEY_WRAP", "data keys", probing.wrap),
    ]


class _Probing:
    """Session objects: they end with the session, and are destroyed before."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._pair: tuple[Any, Any] | None = None
        self._secret: Any = None
        self._kek: Any = None

    def make_pair(self) -> None:
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        self._pair = self._session.create_domain_parameters(
            KeyType.EC, curve, local=True
        ).generate_keypair(
            capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
            mechanism=Mechanism.EC_KEY_PAIR_GEN,
            private_template=SAFE,
        )

    def sign(self) -> None:
        assert self._pair is not None, "needs EC_KEY_PAIR_GEN"
        public, private = self._pair
        raw = private.sign(DIGEST, mechanism=Mechanism.ECDSA)
        point = b"\x04" + bytes(public[Attribute.EC_POINT])[-64:]
        known = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        known.verify(signature, DIGEST, ec.ECDSA(Prehashed(hashes.SHA256())))

    def make_secret(self) -> None:
        self._secret = self._session.generate_key(
            KeyType.GENERIC_SECRET,
            256,
            capabilities=MechanismFlag.SIGN,
            mechanism=Mechanism.GENERIC_SECRET_KEY_GEN,
            template=SAFE,
        )

    def mac(self) -> None:
        assert self._secret is not None, "needs GENERIC_SECRET_KEY_GEN"
        assert len(self._secret.sign(b"probe", mechanism=Mechanism.SHA256_HMAC)) == 32  # noqa: PLR2004

    def make_kek(self) -> None:
        self._kek = self._session.generate_key(
            KeyType.AES,
            256,
            capabilities=MechanismFlag.WRAP | MechanismFlag.UNWRAP,
            mechanism=Mechanism.AES_KEY_GEN,
            template=SAFE,
        )

    def wrap(self) -> None:
        assert self._kek is not None, "needs AES_KEY_GEN"
        passing = self._session.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.AES,
                Attribute.VALUE: DIGEST,
                Attribute.TOKEN: False,
                **PASSING,
            }
        )
        wrapped = self._kek.wrap_key(passing, mechanism=Mechanism.AES_KEY_WRAP)
        passing.destroy()
        back = self._kek.unwrap_key(
            ObjectClass.SECRET_KEY,
            KeyType.AES,
            wrapped,
            mechanism=Mechanism.AES_KEY_WRAP,
            store=False,
            template=PASSING,
        )
        assert bytes(back[Attribute.VALUE]) == DIGEST, "what came back is not what went in"
        back.destroy()


def _tried(mechanism: str, needed_for: str, work: Callable[[], None]) -> Probed:
    began = time.perf_counter()
    try:
        work()
    except (pkcs11.PKCS11Error, InvalidSignature, AssertionError) as error:
        return Probed(mechanism, needed_for, works=False, detail=f"{type(error).__name__} {error}")
    took_ms = (time.perf_counter() - began) * 1000
    return Probed(mechanism, needed_for, works=True, detail=f"{took_ms:.2f} ms")

"""What is done with the token, always on its own thread: objects by CKA_ID, mechanisms by name.

Every key is made for one use. A key that may wrap and decrypt gives away what it wrapped; one that
is not PRIVATE lies in clear on SoftHSM's disk. So each creation says both, and each start looks.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from mmo.keys.jwk import public_jwk
from mmo.keys.ports import TYPES, NoKeyError, Purpose

SELF_TEST = b"mmo-self-test-01"
"""CKA_ID of the key that is signed with before the token counts as ready."""
SAFE = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.PRIVATE: True,
    Attribute.MODIFIABLE: False,
}
PASSING = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}
"""A data key on its way in or out: an object of the session, gone after the call."""
_CURVE = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
_USES = (
    Attribute.SIGN, Attribute.SIGN_RECOVER, Attribute.VERIFY, Attribute.ENCRYPT, Attribute.DECRYPT,
    Attribute.WRAP, Attribute.UNWRAP, Attribute.DERIVE,
)  # fmt: skip
_MAY = {
    KeyType.EC: {Attribute.SIGN},
    KeyType.GENERIC_SECRET: {Attribute.SIGN, Attribute.VERIFY},
    KeyType.AES: {Attribute.WRAP, Attribute.UNWRAP},
}


class UnfitKeyError(Exception):
    """A key in the token may do more than it is for: nothing is served until it is gone."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One key in the token."""

    id: bytes
    label: str
    kind: str


class Token:
    """One logged-in session, and the handles that it knows."""

    def __init__(self, session: pkcs11.Session) -> None:
        self.session = session
        self._handles = {bytes(found.id): found for found in self._find({})}

    def make(self, identifier: bytes, label: str, purpose: Purpose) -> dict[str, str] | None:
        """Make a key for a purpose; the public JWK where it signs. Not safe to repeat."""
        if purpose in TYPES:
            return self._make_pair(identifier, label)
        kek = purpose is Purpose.KEK
        self._handles[identifier] = self.session.generate_key(
            KeyType.AES if kek else KeyType.GENERIC_SECRET,
            256,
            id=identifier,
            label=label,
            store=True,
            capabilities=MechanismFlag.WRAP | MechanismFlag.UNWRAP if kek else MechanismFlag.SIGN,
            mechanism=Mechanism.AES_KEY_GEN if kek else Mechanism.GENERIC_SECRET_KEY_GEN,
            template=SAFE,
        )
        return None

    def ensure_self_test(self) -> None:
        """Make the key of the self-test where there is none."""
        if not self._find({Attribute.ID: SELF_TEST}):
            self._make_pair(SELF_TEST, "mmo/self-test")

    def digest_signed(self, identifier: bytes, digest: bytes) -> bytes:
        """ECDSA over a SHA-256 digest, as r || s. SoftHSM would cut anything longer, silently."""
        if len(digest) != hashlib.sha256().digest_size:
            raise ValueError("ECDSA signs a SHA-256 digest, nothing else")
        return self._with(identifier, lambda key: key.sign(digest, mechanism=Mechanism.ECDSA))

    def mac(self, identifier: bytes, message: bytes) -> bytes:
        """HMAC-SHA-256."""
        use = Mechanism.SHA256_HMAC
        return self._with(identifier, lambda key: key.sign(message, mechanism=use))

    def wrap(self, identifier: bytes, material: bytes) -> bytes:
        """Wrap 32 bytes under a KEK (RFC 3394)."""
        passing = self.session.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.AES,
                Attribute.VALUE: material,
                Attribute.TOKEN: False,
                **PASSING,
            }
        )
        try:
            use = Mechanism.AES_KEY_WRAP
            return self._with(identifier, lambda kek: kek.wrap_key(passing, mechanism=use))
        finally:
            passing.destroy()

    def unwrap(self, identifier: bytes, wrapped: bytes) -> bytes:
        """Unwrap a data key; its object is destroyed, for a session frees none by itself."""

        def work(kek: Any) -> bytes:
            passing = kek.unwrap_key(
                ObjectClass.SECRET_KEY,
                KeyType.AES,
                wrapped,
                mechanism=Mechanism.AES_KEY_WRAP,
                store=False,
                template=PASSING,
            )
            try:
                return bytes(passing[Attribute.VALUE])
            finally:
                passing.destroy()

        return self._with(identifier, work)

    def destroy(self, identifier: bytes) -> bool:
        """Destroy the key for good; false where there is none. Safe to repeat."""
        self._handles.pop(identifier, None)
        found = self._find({Attribute.ID: identifier})
        for one in found:
            one.destroy()
        return bool(found)

    def stored(self) -> list[Stored]:
        """Every key in the token, but for the one of the self-test."""
        return sorted(
            (
                Stored(bytes(one.id), one.label, one.key_type.name)
                for one in self._find({})
                if bytes(one.id) != SELF_TEST
            ),
            key=lambda one: one.label,
        )

    def audit(self) -> None:
        """Raise UnfitKeyError where a key may do more than it is for, or could leave the token."""
        for one in self._find({}):
            may = _MAY.get(one.key_type, set())
            more = {use.name for use in _USES if use not in may and _attribute(one, use)}
            loose = {
                name.name for name, wanted in SAFE.items()
                if name is not Attribute.MODIFIABLE and _attribute(one, name) != wanted
            }  # fmt: skip
            if more or loose:
                wrong = ", ".join(sorted(more | loose))
                raise UnfitKeyError(
                    f"the key {one.label or bytes(one.id).hex()} in the token is unfit ({wrong}): "
                    "remove it, for it may do more than its purpose"
                )

    def alive(self) -> bool:
        """Whether the token still signs with the key of the self-test, looked up afresh."""
        try:
            found = self._find({Attribute.ID: SELF_TEST})
            return bool(found) and bool(found[0].sign(bytes(32), mechanism=Mechanism.ECDSA))
        except pkcs11.PKCS11Error:
            return False

    def _make_pair(self, identifier: bytes, label: str) -> dict[str, str]:
        curve = self.session.create_domain_parameters(KeyType.EC, _CURVE, local=True)
        public, private = curve.generate_keypair(
            id=identifier,
            label=label,
            store=True,
            capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
            mechanism=Mechanism.EC_KEY_PAIR_GEN,
            private_template={**SAFE, Attribute.SIGN_RECOVER: False},
        )
        point = bytes(public[Attribute.EC_POINT])[-64:]  # DER, 04, x, y
        public.destroy()  # the register has it; nothing is verified in the token
        self._handles[identifier] = private
        return public_jwk(int.from_bytes(point[:32]), int.from_bytes(point[32:]))

    def _with(self, identifier: bytes, use: Callable[[Any], bytes]) -> bytes:
        """Use a key; one whose handle went stale is looked up once more. Raises NoKeyError."""
        known = self._handles.get(identifier)
        if known is not None:
            try:
                return use(known)
            except (pkcs11.ObjectHandleInvalid, pkcs11.KeyHandleInvalid):
                self._handles.pop(identifier, None)
        found = self._find({Attribute.ID: identifier})
        if not found:
            raise NoKeyError(f"the token has no key {identifier.hex()}")
        self._handles[identifier] = found[0]
        return use(found[0])

    def _find(self, wanted: dict[Attribute, Any]) -> list[Any]:
        """Private and secret keys. A list: an unfinished search would block the session."""
        kinds = (ObjectClass.PRIVATE_KEY, ObjectClass.SECRET_KEY)
        return [
            found
            for kind in kinds
            for found in list(
                self.session.get_objects({Attribute.CLASS: kind, Attribute.TOKEN: True, **wanted})
            )
        ]


def _attribute(key: Any, name: Attribute) -> bool:
    """A flag of a key; one that its kind does not have is off."""
    try:
        return bool(key[name])
    except (pkcs11.AttributeTypeInvalid, pkcs11.FunctionFailed):
        return False

"""Proofs of a PIN on the requests that a tenant's policy wants them for."""

from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import Header, Request

from api.problems import Problem
from api.security import Caller
from mmo.identity.pins import PinVault
from mmo.wallets.wallet import Wallet


def request_digest(path: str, body: bytes) -> bytes:
    """What a proof is bound to: this path with this body, byte by byte."""
    return sha256(path.encode() + b"\n" + body).digest()


PinProof = Annotated[
    str | None,
    Header(
        alias="PIN-Proof",
        description="Proof of a PIN, where the caller's role needs one.",
        max_length=100,
    ),
]


async def check_proof(
    request: Request, caller: Caller, movement: str, payer: Wallet, proof: str | None, key: str
) -> None:
    """Demand the proof that the policy wants. Raises Problem pin_proof_missing, -invalid."""
    if not caller.roles & caller.policy.pin_roles or movement not in caller.policy.pin_movements:
        return
    if proof is None:
        raise Problem("pin_proof_missing")
    good = await vault_of(request).use_proof(
        caller.tenant.id, UUID(payer.id), proof, subject=caller.actor.subject,
        request=request_digest(request.url.path, await request.body()),
        key=f"{caller.client}/{key}",
    )  # fmt: skip
    if not good:
        raise Problem("pin_proof_invalid")


def vault_of(request: Request) -> PinVault:
    """The vault that the composition root put there."""
    vault: PinVault = request.app.state.pins
    return vault

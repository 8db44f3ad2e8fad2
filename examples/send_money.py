"""Send money over HTTP, safely: under a key of one's own, repeated until there is an answer.

    MMO_URL=$(uv run mmo status --json | jq -r .urls.api) MMO_TOKEN=$(uv run mmo token --as alice) \
        MMO_PIN=4071 uv run python examples/send_money.py \
        msisdn:+254700000001 msisdn:+254700000002 25.00

The key is the payment's own name. Whoever repeats it, after a time-out or a crash, gets the answer
of the first request: nothing is paid twice. A customer proves their PIN first, for this very
request; the proof goes with it as a header.
"""

import hashlib
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

PATH = "/v1/movements/p2p-transfer"
TRIES_MAX = 8
PAUSE_S, PAUSE_MAX_S = 0.2, 5.0
AGAIN = {502, 503, 504}


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it: `state` is the movement's; `refusal` says why where it is refused."""

    movement: str
    state: str
    refusal: str | None
    position: str
    """Where it stands in the feed; a read with `If-Projected` waits for it."""


class NoAnswerError(Exception):
    """It is not known what came of it. Send again under the same key."""


def send(
    client: httpx.Client,
    *,
    sender: str,
    recipient: str,
    value: str,
    currency: str,
    key: str,
    pin: str | None = None,
) -> Sent:
    """Send an amount. Safe to repeat with the same key.

    Raises NoAnswerError, and httpx.HTTPStatusError where the request itself was wrong.
    """
    body = {
        "sender": sender,
        "recipient": recipient,
        "amount": {"value": value, "currency": currency},
    }
    written = json.dumps(body).encode()
    proof = {} if pin is None else {"PIN-Proof": prove(client, sender, pin, written)}
    answer = _asked(client, written, {"Idempotency-Key": key, **proof})
    told: dict[str, Any] = answer.json()
    if "movement_id" in told:
        movement, state, refusal = told["movement_id"], "refused", told["code"]
    else:
        answer.raise_for_status()
        movement, state, refusal = told["id"], told["state"], None
    return Sent(movement, state, refusal, answer.headers.get("Projection-Position", "0"))


def balance(client: httpx.Client, wallet: str, sent: Sent) -> str:
    """Read what a wallet has available, not before the payment shows."""
    answer = client.get(f"/v1/wallets/{wallet}/balance", headers={"If-Projected": sent.position})
    answer.raise_for_status()
    return answer.json()["available"]


def prove(client: httpx.Client, wallet: str, pin: str, written: bytes) -> str:
    """Prove the PIN of a wallet for one request: good once, for a minute."""
    digest = hashlib.sha256(PATH.encode() + b"\n" + written).hexdigest()
    asked = {"wallet": wallet, "pin": pin, "request": digest}
    answer = client.post("/v1/pin/verifications", json=asked)
    answer.raise_for_status()
    return answer.json()["proof"]


def _asked(client: httpx.Client, written: bytes, headers: dict[str, str]) -> httpx.Response:
    headers = {**headers, "Content-Type": "application/json"}
    pause = PAUSE_S
    for _ in range(TRIES_MAX):
        try:
            answer = client.post(PATH, content=written, headers=headers)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code not in AGAIN:
            return answer
        time.sleep(pause)
        pause = min(pause * 2, PAUSE_MAX_S)
    raise NoAnswerError("no answer; send it again under the same key")


def main() -> int:
    """Send what the arguments say."""
    sender, recipient, value = sys.argv[1:4]
    headers = {"Authorization": f"Bearer {os.environ['MMO_TOKEN']}"}
    url = os.environ.get("MMO_URL", "http://127.0.0.1:8080")
    with httpx.Client(base_url=url, headers=headers, timeout=15) as client:
        sent = send(
            client,
            sender=sender,
            recipient=recipient,
            value=value,
            currency=os.environ.get("MMO_CURRENCY", "KES"),
            key=os.environ.get("MMO_KEY", uuid.uuid4().hex),
            pin=os.environ.get("MMO_PIN"),
        )
        print(f"{sent.movement} {sent.state} {sent.refusal or ''}".strip())
        print(f"available: {balance(client, sender, sent)}")
    return 1 if sent.refusal else 0


if __name__ == "__main__":
    sys.exit(main())

"""The demo: a shilling's whole life, over HTTP, told line by line."""

import hashlib
import os
import time
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
from rich.console import Console

from mmo.settings import Settings
from workers.demo.people import PIN
from workers.demo.tokens import token

SUPER_AGENT, AGENT = "msisdn:+254700000100", "msisdn:+254700000010"
ALICE, BOB = "msisdn:+254700000001", "msisdn:+254700000002"
READY_S = 30.0
WALKERS = ("operator", "super-agent-1", "agent-1", "alice", "bob")
CUSTOMERS = ("alice", "bob")

console = Console(highlight=False, soft_wrap=True)


def main(_: Sequence[str] = ()) -> int:
    """Move money and show it; exit code 1 when something did not come out as it should."""
    settings = Settings()
    url = f"http://{settings.listen_host}:{settings.listen_port}"
    told = {who: token(settings, "demo", who) for who in WALKERS}
    with httpx.Client(base_url=url, timeout=READY_S) as client:
        return Demo(client, settings, told).run()


class Demo:
    """The walk, with the tokens of the demo's people."""

    def __init__(self, client: httpx.Client, settings: Settings, told: dict[str, str]) -> None:
        self._client = client
        self._settings = settings
        self._tokens = told
        self._failed = 0
        self._position = "0"
        self._number = f"{os.getpid()}-{time.time_ns()}"

    def run(self) -> int:
        """Issue, top up, cash in, send, cash out, redeem; then read."""
        issue = {"recipient": SUPER_AGENT, "bank_reference": "DEMO 1"}
        self._move("operator", "emoney-issuance", "10000.00", issue)
        self._move(
            "super-agent-1", "float-top-up", "5000.00", {"payer": SUPER_AGENT, "payee": AGENT}
        )
        self._move("agent-1", "cash-in", "2000.00", {"agent": AGENT, "customer": ALICE})
        self._move("alice", "p2p-transfer", "500.00", {"sender": ALICE, "recipient": BOB})
        self._move("bob", "cash-out", "200.00", {"customer": BOB, "agent": AGENT})
        redeemed = self._move(
            "super-agent-1", "emoney-redemption", "1000.00", {"holder": SUPER_AGENT}
        )
        self._answer("operator", redeemed["id"], "bank-answer", {"answer": "paid"})
        for name, wallet in (("alice", ALICE), ("bob", BOB), ("agent-1", AGENT)):
            self._balance(name, wallet)
        ui = self._settings.temporal_ui_url
        if ui:
            console.print(f"  look at the movements: {ui}/namespaces/mmo-demo/workflows")
        return 1 if self._failed else 0

    def _move(self, who: str, kind: str, value: str, about: dict[str, str]) -> dict[str, Any]:
        key = f"demo-{self._number}-{kind}"
        body = {**about, "amount": {"value": value, "currency": "KES"}}
        path, written = f"/v1/movements/{kind}", orjson.dumps(body)
        headers = {**self._token(who), "Idempotency-Key": key, "Content-Type": "application/json"}
        if who in CUSTOMERS:
            headers |= self._proof(who, path, written, body.get("sender") or body["customer"])
        answer = self._client.post(path, content=written, headers=headers)
        return self._told(f"{who} asks for {kind} KES {value}", answer)

    def _proof(self, who: str, path: str, written: bytes, wallet: Any) -> dict[str, str]:
        """A customer's PIN, proved for this very request."""
        digest = hashlib.sha256(path.encode() + b"\n" + written).hexdigest()
        about = {"wallet": wallet, "pin": PIN, "request": digest}
        answer = self._client.post("/v1/pin/verifications", json=about, headers=self._token(who))
        return {"PIN-Proof": answer.json()["proof"]} if answer.is_success else {}

    def _answer(self, who: str, movement: str, name: str, body: dict[str, str]) -> None:
        answer = self._client.post(
            f"/v1/movements/{movement}/{name}", json=body, headers=self._token(who)
        )
        self._told(f"{who} answers {name}: {body['answer']}", answer)

    def _balance(self, who: str, wallet: str) -> None:
        headers = {**self._token(who), "If-Projected": self._position}
        answer = self._client.get(f"/v1/wallets/{wallet}/balance", headers=headers)
        balance = answer.json()
        console.print(f"  {who:<14} has {balance['currency']} {balance['available']}")

    def _told(self, what: str, answer: httpx.Response) -> dict[str, Any]:
        body = answer.json()
        fine = answer.is_success
        self._failed += not fine
        self._position = answer.headers.get("Projection-Position", self._position)
        outcome = body["state"] if fine else body["code"]
        sign = "[green]✓[/]" if fine else "[red]✗[/]"
        console.print(f"  {sign} {what}: {outcome}  [dim]{body.get('id', '')}[/]")
        return body

    def _token(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[who]}"}

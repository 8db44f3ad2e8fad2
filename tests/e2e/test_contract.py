"""The published contract is what the front does: asked at random, from its own OpenAPI."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import yaml

from tests.e2e.contract import contract
from tests.e2e.operator import Operator
from tests.e2e.town import Town, unique_msisdn

SECONDS = 30
DOCS = Path(__file__).parents[2] / "docs"

EXPECTED = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
[checks.negative_data_rejection]
expected-statuses = ["4xx", "503"]
[checks.missing_required_header]
expected-statuses = ["4xx"]
"""
"""A read that is to wait for a position far ahead is answered 503 `projection_behind`. A change
without the version that was read is 412, and whatever names another tenant 404, before the rest."""
LEFT_OUT = (
    "positive_data_acceptance",  # whether a wallet exists, or is in that currency, no schema says
    "use_after_free",
    "ensure_resource_availability",
)


async def test_the_front_tells_the_contract_that_is_checked_in(stack: Operator) -> None:
    async with httpx.AsyncClient(base_url=stack.url) as plain:
        told = (await plain.get("/openapi.json")).json()

    assert told == yaml.safe_load((DOCS / "openapi.yaml").read_text())
    assert told == contract()


async def test_every_route_but_the_operators_needs_a_token() -> None:
    for path, operations in contract()["paths"].items():
        for operation in operations.values():
            guarded = bool(operation.get("security"))
            assert guarded == path.startswith(("/v1/", "/bep/")), path


def test_random_requests_never_break_it_and_are_answered_as_published(
    stack: Operator, demo: Town, tmp_path: Path
) -> None:
    """Examples, boundaries and random data for every operation, valid and invalid."""
    (tmp_path / "schemathesis.toml").write_text(EXPECTED)
    ended = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{stack.url}/openapi.json", "--no-color", "--continue-on-failure"),
            *("--header", f"Authorization: Bearer {demo.staff.token}"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "10"),
            *("--checks", "all", "--exclude-checks", ",".join(LEFT_OUT)),
            *("--suppress-health-check", "all", "--max-time", str(SECONDS)),
            *("--request-timeout", "20"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS * 3,
        check=False,
    )

    _, _, failures = ended.stdout.partition("= FAILURES =")
    assert ended.returncode == 0, failures[:6_000] + ended.stdout[-3_000:] + ended.stderr[-2_000:]
    generated = re.search(r"(\d+) generated", ended.stdout)
    assert generated, ended.stdout[-2000:]
    assert int(generated[1]) > 250


async def test_measurements_name_readers_and_nobody(demo: Town, http: httpx.AsyncClient) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    await alice.sends("1", bob)
    number = unique_msisdn()
    await demo.somebody().get(f"/v1/wallets/msisdn:{number}")

    measured = (await http.get("/metrics")).text

    for reader in ("projector", "relay"):
        assert f'mmo_feed_lag_events{{reader="{reader}"}}' in measured
        assert f'mmo_feed_lag_seconds{{reader="{reader}"}}' in measured
    assert "mmo_commands_under_way" in measured
    assert not re.search(r"\+?254[0-9]{6,}", measured)
    for secret in (alice.wallet, alice.person.subject, number, demo.staff.token):
        assert secret not in measured


async def test_the_process_says_that_it_lives_and_can_serve(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}

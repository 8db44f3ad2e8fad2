"""Where webhooks may go: never into a network of ours, however the address is written."""

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from mmo.notifications.addresses import (
    Target,
    UnsafeAddressError,
    is_public,
    resolved,
    target_of,
)

GOOD = [
    ("https://hooks.safaricom.com", "hooks.safaricom.com", 443, "/"),
    ("https://a.b-c.co.ke:8443/x?y=1", "a.b-c.co.ke", 8443, "/x?y=1"),
]


@pytest.mark.parametrize(("url", "host", "port", "path"), GOOD)
def test_a_public_address_is_taken(url: str, host: str, port: int, path: str) -> None:
    assert target_of(url) == Target(tls=True, host=host, port=port, path=path)


BAD = [
    "", "hooks.safaricom.com", "http://hooks.safaricom.com/", "file:///etc/passwd",
    "gopher://hooks.safaricom.com/", "https://user:pass@hooks.safaricom.com/",
    "https://hooks.safaricom.com:22/", "https://hooks.safaricom.com:80/", "https://127.0.0.1/",
    "https://[::1]/", "https://2130706433/", "https://0177.0.0.1/", "https://0x7f.1/",
    "https://0x7f000001/", "https://127.1/", "https://[::ffff:127.0.0.1]/", "https://localhost/",
    "https://localhost./", "https://a.localhost/", "https://0.0.0.0/", "https://169.254.169.254/",
    "https://[fd00::1]/", "https://vault.internal/", "https://db.local/", "https://x.arpa/",
    "https://hooks.safaricom.com#@evil", "https://hooks\\.com/", "https://a b.com/",
    "https://ⓗooks.com/", "https://-a.com/", "https://hooks.safaricom.com:99999/",
    "https://mmo.operator.co.ke/",
]  # fmt: skip


@pytest.mark.case("J1")
@pytest.mark.parametrize("url", BAD)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(UnsafeAddressError):
        target_of(url, own=frozenset({"mmo.operator.co.ke"}))


def test_only_a_demo_lets_webhooks_go_to_its_own_machine() -> None:
    url = "http://127.0.0.1:9000/hook"

    with pytest.raises(UnsafeAddressError):
        target_of(url)
    assert target_of(url, loopback=True).port == 9000
    with pytest.raises(UnsafeAddressError):
        target_of("http://10.0.0.1:9000/", loopback=True)


ADDRESSES = [
    ("41.90.64.1", True), ("2c0f:fe38::1", True), ("127.0.0.1", False), ("10.1.2.3", False),
    ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
    ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False),
    ("::1", False), ("fd00::1", False), ("fe80::1", False), ("::ffff:127.0.0.1", False),
    ("::ffff:41.90.64.1", True), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
    ("2001::1", False), ("ff02::1", False), ("::", False),
]  # fmt: skip


@pytest.mark.case("J1")
@pytest.mark.parametrize(("address", "public"), ADDRESSES)
def test_an_address_is_public_or_not_however_it_is_dressed(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


TARGET = Target(tls=True, host="hooks.safaricom.com", port=443, path="/")


def answering(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> None:
    """Let the resolver answer so, look by look."""
    left = list(rounds)

    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in left.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)


@pytest.mark.case("J3")
async def test_one_private_address_among_many_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, ["41.90.64.1", "10.0.0.1"])

    with pytest.raises(UnsafeAddressError, match=r"10\.0\.0\.1"):
        await resolved(TARGET)


@pytest.mark.case("J2")
async def test_a_name_is_looked_at_each_time_and_the_address_is_pinned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, ["41.90.64.1"], ["127.0.0.1"])

    assert await resolved(TARGET) == "41.90.64.1"
    with pytest.raises(UnsafeAddressError):
        await resolved(TARGET)

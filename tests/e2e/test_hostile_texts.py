"""A NUL is refused wherever a request can carry one, on every route of the contract."""

import re
import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.contract import contract
from tests.e2e.hostile import SEND, is_problem
from tests.e2e.town import Holder, Town

NUL = "a%00b"
PLAIN = str(uuid.UUID(int=7))


def requests() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of every operation one request for each of its parameters, which holds a NUL, and a body."""
    for path, operations in contract()["paths"].items():
        plain = re.sub(r"{\w+}", PLAIN, path)
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                name = parameter["name"]
                if parameter["in"] == "path":
                    here = re.sub(r"{\w+}", PLAIN, path.replace(f"{{{name}}}", NUL))
                    yield method, here, {}
                elif parameter["in"] == "query":
                    yield method, f"{plain}?{name}={NUL}", {}
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                yield method, plain, {"content": b'{"note": "a\\u0000b"}'}
                yield method, plain, {"content": b'{"a\\u0000b": 1}'}


@pytest.mark.case("F4")
async def test_no_route_takes_a_nul_in_its_path_its_query_or_its_body(demo: Town) -> None:
    headers = {
        "Authorization": f"Bearer {demo.staff.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": uuid.uuid4().hex,
    }
    asked = 0
    for method, path, more in requests():
        answer = await demo.staff.http.request(method, path, headers=headers, **more)
        assert is_problem(answer, 400) == "invalid_character", f"{method} {path}"
        asked += 1
    assert asked > 200


@pytest.mark.case("F4")
async def test_a_cursor_that_was_not_given_out_is_refused_whatever_it_holds(alice: Holder) -> None:
    for cursor in ("djE6YQBi", "djE6Cg", "djE6"):  # v1:a\0b, v1:\n, v1:
        answer = await alice.person.get(f"/v1/movements?cursor={cursor}")
        assert is_problem(answer, 400) == "cursor_invalid"


@pytest.mark.case("H12")
async def test_a_body_is_not_waited_for_before_its_sender_is_known(alice: Holder) -> None:
    where = urlsplit(str(alice.person.http.base_url))
    for token in ("", "Authorization: Bearer forged\r\n"):
        with socket.create_connection((where.hostname, where.port), timeout=5) as half:
            half.sendall(
                f"POST {SEND} HTTP/1.1\r\nHost: x\r\n{token}Content-Type: application/json\r\n"
                "Content-Length: 5000\r\n\r\n{".encode()
            )
            assert half.recv(200).startswith(b"HTTP/1.1 401 ")

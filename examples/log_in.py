"""Log in with a browser, as staff do: authorization code with PKCE, and the token at its end.

    uv run mmo users create --username amina --role clerk        # prints the invitation's address
    uv run mmo users activate --user amina --role clerk --by brian
    uv run python -m examples.log_in amina INVITATION [PICTURES]

The invitation is used up: a password and an authenticator are set first, then the log-in page is
filled in. PICTURES is a folder for what was seen. Where the browser is sent back to is what `mmo
status` shows as `console`; this program listens there for the code.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pyotp

from examples.browser import Page, browser

PASSWORD = "some words of my own"  # noqa: S105 - of an example
STEP_S = 30


def console_address() -> str:
    """Where the log-in page sends the browser back to, as the running stack has it."""
    program = Path(sys.executable).with_name("mmo")
    status = subprocess.run([program, "status", "--json"], capture_output=True, check=False)  # noqa: S603 - ours
    return str(json.loads(status.stdout)["urls"]["console"])


async def log_in(
    username: str, invitation: str, pictures: Path | None, back_to: str
) -> dict[str, Any]:
    """Set the log-in up, log in, and answer with the claims of the token."""
    issuer = invitation.partition("/enrol")[0]
    async with browser() as page:
        seed = await enrol(page, invitation, pictures)
        verifier = secrets.token_urlsafe(48)
        await page.open(f"{issuer}/authorize?{urlencode(asked(verifier, back_to))}")
        await picture(page, pictures, "log-in")
        await asyncio.sleep(STEP_S)  # a code works once, and one was used to set it up
        came: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with await console(came, back_to):
            await submit(page, username=username, password=PASSWORD, code=pyotp.TOTP(seed).now())
            async with asyncio.timeout(STEP_S):
                back = await came
    code = parse_qs(urlsplit(back).query)["code"][0]
    about = {"grant_type": "authorization_code", "client_id": "console", "code": code,
             "code_verifier": verifier, "redirect_uri": back_to}  # fmt: skip
    async with httpx.AsyncClient() as client:
        token = await client.post(f"{issuer}/token", data=about)
    token.raise_for_status()
    assert "refresh_token" not in token.json()
    payload = token.json()["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=="))


async def console(came: "asyncio.Future[str]", back_to: str) -> asyncio.Server:
    """Listen where the browser is sent back to, and keep the address it was sent to."""
    parts = urlsplit(back_to)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()
        if f"{parts.path}?" in line and not came.done():
            came.set_result(line.split()[1])

    return await asyncio.start_server(answer, parts.hostname, parts.port)


async def enrol(page: Page, invitation: str, pictures: Path | None) -> str:
    """Set a password and an authenticator; answer with its key."""
    await page.open(invitation)
    seed = await page.run("document.querySelector('input[name=seed]').value")
    await picture(page, pictures, "enrol")
    await submit(page, password=PASSWORD, code=pyotp.TOTP(seed).now())
    await page.until("document.title.startsWith('Your log-in is ready')")
    return seed


async def submit(page: Page, **fields: str) -> None:
    """Fill the form in and send it."""
    await page.fill(**fields)
    await page.click("button[type=submit]")


async def picture(page: Page, folder: Path | None, name: str) -> None:
    """Keep what is seen."""
    if folder is not None:
        await page.screenshot(folder / f"{name}.png")


def asked(verifier: str, back_to: str) -> dict[str, str]:
    """The request of a console."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return {
        "response_type": "code",
        "client_id": "console",
        "redirect_uri": back_to,
        "state": secrets.token_urlsafe(8),
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


if __name__ == "__main__":
    folder_ = Path(sys.argv[3]) if sys.argv[3:] else None
    claims_ = asyncio.run(log_in(sys.argv[1], sys.argv[2], folder_, console_address()))
    print(json.dumps(claims_, indent=2))

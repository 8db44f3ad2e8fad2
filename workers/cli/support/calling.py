"""What commands that ask the API share: a client with somebody's token, and its answers."""

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from workers.cli.support.options import home_of
from workers.demo.tokens import NoTokenError, token
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings

ANSWER_S = 35.0
AsOption = Annotated[str, typer.Option("--as", help="Who asks: operator, or another program.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant.")]
TokenOption = Annotated[
    str | None, typer.Option("--token", envvar="MMO_TOKEN", help="A token, instead of --as.")
]


def client(who: str, tenant: str, bearer: str | None, home: Path) -> httpx.Client:
    """A client of the API with somebody's token. Raises StackError."""
    settings = stack_settings(home_of(home).path)
    try:
        told = bearer or token(settings, tenant, who)
    except NoTokenError as error:
        raise StackError(f"no token for {who} of {tenant}: {error}; `mmo up` must run") from None
    url = f"http://{settings.listen_host}:{settings.listen_port}"
    headers = {"Authorization": f"Bearer {told}"}
    return httpx.Client(base_url=url, headers=headers, timeout=ANSWER_S)


def answered(answer: httpx.Response) -> dict[str, Any]:
    """The answer's body. Raises StackError with what the problem says."""
    body = answer.json()
    if not answer.is_success:
        raise StackError(f"{body['code']}: {body.get('detail') or body['title']}")
    return body


def downloaded(answer: httpx.Response) -> bytes:
    """The file that was answered with. Raises StackError with what the problem says."""
    if not answer.is_success:
        answered(answer)
    return answer.content

"""`mmo sms`: what the simulated SMS centre of a stack was sent."""

import json as json_module
import time
from contextlib import suppress
from typing import Annotated, Any

import typer

from workers.cli.support.options import DEFAULT_HOME, HomeOption, JsonOption, console, home_of
from workers.smsc import messages_file
from workers.stack.launch import StackError

app = typer.Typer()
sms = typer.Typer(no_args_is_help=True, help="Short messages of a demo.")
app.add_typer(sms, name="sms")

LOOK_S = 0.3


@sms.command()
def tail(
    *,
    home: HomeOption = DEFAULT_HOME,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many at first.")] = 20,
    json: JsonOption = False,
) -> None:
    """Print the newest messages, as the phones show them.

    Example: `mmo sms tail -f`
    """
    file = messages_file(home_of(home).path)
    if not file.exists():
        raise StackError("no message was sent yet; start with `mmo up`, and set a rule for sms")
    with file.open(encoding="utf-8") as opened:
        for line in opened.readlines()[-lines:]:
            _print(line, json=json)
        with suppress(KeyboardInterrupt):
            while follow:
                if line := opened.readline():
                    _print(line, json=json)
                else:
                    time.sleep(LOOK_S)


def _print(line: str, *, json: bool) -> None:
    if json:
        print(line.strip(), flush=True)
        return
    told: dict[str, Any] = json_module.loads(line)
    console.print(f"{told['at']}  {told['from']} → {told['to']}  {told['text']}", markup=False)

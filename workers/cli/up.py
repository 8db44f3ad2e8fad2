"""`mmo up`: start everything, stay in front, and stop everything at Ctrl-C."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.markup import escape

from workers.cli.support.detach import start_detached
from workers.cli.support.options import DEFAULT_HOME, HomeOption, console, home_of, print_urls
from workers.roles import ROLES
from workers.stack.home import Home
from workers.stack.launch import StackError
from workers.stack.plan import EMBEDDED, Plan, workers_launch
from workers.stack.ports import DEFAULTS, check_ports, choose_metrics_ports, choose_ports
from workers.stack.state import end_orphans, read_state
from workers.stack.supervisor import Supervisor

app = typer.Typer()


def _port(name: str) -> typer.models.OptionInfo:
    return typer.Option(
        f"--{name}-port",
        envvar=f"MMO_PORT_{name.upper()}",
        min=1,
        max=65535,
        help=f"Port for {name} (default {DEFAULTS[name]}, then remembered).",
        rich_help_panel="Ports",
    )


@app.command()
def up(
    *,
    home: HomeOption = DEFAULT_HOME,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when everything is ready.")
    ] = False,
    split: Annotated[
        bool | None,
        typer.Option("--split/--compact", help="Every role in a process of its own."),
    ] = None,
    temporal: Annotated[
        str | None,
        typer.Option(
            help="`embedded`, `postgres` (the real server, see `make temporal-server`) or the "
            "HOST:PORT of a running server; remembered."
        ),
    ] = None,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Make no demo transfer.")] = False,
    ports: Annotated[
        Literal["fixed", "auto"],
        typer.Option(
            envvar="MMO_PORTS",
            help="`auto` replaces ports that are taken.",
            rich_help_panel="Ports",
        ),
    ] = "fixed",
    api_port: Annotated[int | None, _port("api")] = None,
    temporal_port: Annotated[int | None, _port("temporal")] = None,
    ui_port: Annotated[int | None, _port("ui")] = None,
    postgres_port: Annotated[int | None, _port("postgres")] = None,
    nats_port: Annotated[int | None, _port("nats")] = None,
    authorization_port: Annotated[int | None, _port("authorization")] = None,
    smsc_port: Annotated[int | None, _port("smsc")] = None,
) -> None:
    """Start Postgres, NATS, Temporal and the product; stay in front until Ctrl-C.

    Example: `mmo up`, or `mmo up --detach --ports auto`
    """
    house = home_of(home)
    house.prepare()
    if detach:
        start_detached(house, sys.argv[1:])
        return
    given = {
        "api": api_port,
        "temporal": temporal_port,
        "ui": ui_port,
        "postgres": postgres_port,
        "nats": nats_port,
        "authorization": authorization_port,
        "smsc": smsc_port,
    }
    with house.locked():
        _recover(house)
        plan = _choose(house, given, temporal=temporal, split=split, auto=ports == "auto")
        run(plan, demo=not no_demo)


def run(plan: Plan, *, demo: bool) -> None:
    """Supervise the plan until told to stop. The caller holds the lock."""
    supervisor = Supervisor(plan.home, plan.parts(), plan.urls(), report)

    async def when_ready() -> None:
        print_urls(plan.urls())
        if demo:
            await _run_demo(plan)
        console.print("Ctrl-C stops everything.")

    try:
        asyncio.run(supervisor.run(when_ready))
    except OSError as error:
        raise StackError(f"the machine refused: {error}") from error
    console.print("Everything has stopped; all data are kept.")


def report(line: str) -> None:
    """One line of progress, with the time."""
    console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] {escape(line)}")


def _recover(house: Home) -> None:
    left = end_orphans(read_state(house))
    if left:
        report(f"ended what a killed supervisor had left: {', '.join(left)}")


def _choose(
    house: Home,
    given: dict[str, int | None],
    *,
    temporal: str | None,
    split: bool | None,
    auto: bool,
) -> Plan:
    before = house.read_choices()
    ports = choose_ports(given, before.get("ports", {}), auto=auto)
    names = [role.name for role in ROLES]
    plan = Plan(
        home=house,
        ports=ports,
        temporal=temporal or before.get("temporal", EMBEDDED),
        split=before.get("split", False) if split is None else split,
        metrics_ports=choose_metrics_ports(names, before.get("metrics_ports", {}), ports.values()),
    )
    check_ports(plan.own_ports)
    choices = {
        "ports": plan.ports,
        "temporal": plan.temporal,
        "split": plan.split,
        "metrics_ports": plan.metrics_ports,
    }
    house.remember({**before, **choices})
    return plan


async def _run_demo(plan: Plan) -> None:
    """Show a shilling's life; stopped when the stack is told to stop."""
    launch = workers_launch("demo", plan.environment("mmo_background"))
    demo = await launch.spawn(sys.stdout.buffer)
    try:
        code = await demo.wait()
    finally:
        if demo.returncode is None:
            demo.kill()
    if code != 0:
        console.print(f"The demo failed with code {code}; the stack goes on.")

"""The seven ports of a stack: chosen, remembered, and found taken by name."""

from collections.abc import Collection, Mapping, Sequence

from workers.stack.launch import StackError
from workers.stack.processes import free_port, is_taken

DEFAULTS = {
    "api": 8080, "temporal": 7233, "ui": 8233, "postgres": 5433, "nats": 4222,
    "authorization": 8090, "smsc": 2775,
}  # fmt: skip

METRICS_FIRST = 9464
"""Port of the first role's /metrics; each role has the next."""

Ports = dict[str, int]
"""Name → port of the loopback address, with the keys of DEFAULTS."""


def choose_ports(
    given: Mapping[str, int | None], remembered: Mapping[str, int], *, auto: bool
) -> Ports:
    """Take what is given, else what is remembered, else the default.

    With `auto`, a port that was not given and is taken is replaced by a free one.
    """
    chosen: Ports = {}
    for name, default in DEFAULTS.items():
        asked = given.get(name)
        port = asked or remembered.get(name) or default
        if auto and not asked and (is_taken(port) or port in chosen.values()):
            port = free_port()
        chosen[name] = port
    return chosen


def choose_metrics_ports(
    names: Sequence[str], remembered: Mapping[str, int], others: Collection[int]
) -> dict[str, int]:
    """A port of /metrics for each role: the remembered one, else its own default, while free."""
    chosen: dict[str, int] = {}
    for place, name in enumerate(names):
        port = remembered.get(name, METRICS_FIRST + place)
        if port in others or port in chosen.values() or is_taken(port):
            port = free_port()
        chosen[name] = port
    return chosen


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise StackError that names the first port which is taken, and the flag to change it."""
    for name, port in ports.items():
        twins = [other for other, its in ports.items() if its == port and other != name]
        if twins:
            raise StackError(f"{name} and {twins[0]} cannot both have port {port}")
        if is_taken(port):
            raise StackError(
                f"port {port} for {name} is taken by another program: give another with "
                f"--{name}-port (or MMO_PORT_{name.upper()}), or let `--ports auto` choose"
            )

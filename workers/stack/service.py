"""What a stack is made of: services that run, and steps that are done once."""

import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException

from workers.stack.launch import Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process to keep running. `prepare` and `ready` may block: they are run in threads."""

    name: str
    prepare: Callable[[], Launch]
    """Make what it needs and answer how to start it; called before every start."""
    ready: Callable[[], bool]
    after: tuple[str, ...] = ()
    """What must be ready before its first start. Not asked again: it reconnects by itself."""
    stop_by: signal.Signals = signal.SIGTERM
    stop_within_s: float = 4.0
    """Patience before it is killed."""
    metrics: str = ""
    """Where it is scraped; empty for a server that is none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One process that is run to its end at every start of the stack, and must succeed."""

    name: str
    prepare: Callable[[], Launch]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One function that is called at every start of the stack; raises StackError."""

    name: str
    run: Callable[[], None]
    after: tuple[str, ...] = ()


Part = Service | Once | Step


def status_of(url: str) -> int:
    """Status of a GET of an address of this machine; 0 without an answer in two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, HTTPException):
        return 0


def answers(url: str) -> bool:
    """Whether a GET of that address of this machine is answered with success."""
    return 200 <= status_of(url) < 300  # noqa: PLR2004 - the class of success


def stages(parts: tuple[Part, ...]) -> dict[str, int]:
    """How many parts each must wait for in a row: the stop goes from the highest down."""
    after = {part.name: part.after for part in parts}

    def depth(name: str) -> int:
        return max((1 + depth(earlier) for earlier in after[name]), default=0)

    return {name: depth(name) for name in after}

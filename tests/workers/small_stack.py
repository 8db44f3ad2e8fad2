"""A stack of small real programs, to be supervised: python small_stack.py HOME [PART…]."""

import asyncio
import sys
from pathlib import Path

from workers.stack.home import Home
from workers.stack.launch import Launch, StackError
from workers.stack.service import Once, Part, Service
from workers.stack.state import end_orphans, read_state
from workers.stack.supervisor import Supervisor


def shell(home: Home, name: str, script: str, *, after: tuple[str, ...] = ()) -> Service:
    """A shell script that is ready once it has made the file HOME/run/NAME.ready."""
    ready = home.run / f"{name}.ready"

    def prepare() -> Launch:
        ready.unlink(missing_ok=True)
        return Launch(argv=("/bin/sh", "-c", script), environment={"READY": str(ready)})

    return Service(name=name, prepare=prepare, ready=ready.exists, after=after, stop_within_s=1)


def stays(name: str, home: Home) -> str:
    """Ready at once; told to end, it writes its name and ends."""
    farewell = f"trap 'echo {name} >> {home.path}/stopped; exit' TERM"
    return f'{farewell}; touch "$READY"; while true; do sleep 0.05; done'


def parts(home: Home, wanted: list[str]) -> tuple[Part, ...]:
    every: dict[str, Part] = {
        "base": shell(home, "base", f"sleep 0.2; {stays('base', home)}"),
        "once": Once(
            name="once",
            prepare=lambda: Launch(argv=("/bin/sh", "-c", f"test -e {home.run}/base.ready")),
            after=("base",),
        ),
        "top": shell(home, "top", stays("top", home), after=("once", "base")),
        "deaf": shell(home, "deaf", 'trap "" TERM INT; touch "$READY"; sleep 1000 & wait; wait'),
        "broken": shell(home, "broken", "echo the disk is on fire; exit 7"),
    }
    return tuple(every[name] for name in wanted)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def ready() -> None:
    say("ready")


def main() -> None:
    home = Home(Path(sys.argv[1]))
    home.prepare()
    try:
        with home.locked():
            say(" ".join(["ended", *end_orphans(read_state(home))]))
            supervisor = Supervisor(home, parts(home, sys.argv[2:]), {}, say)
            asyncio.run(supervisor.run(ready))
    except StackError as error:
        sys.exit(f"mmo: {error}")


if __name__ == "__main__":
    main()

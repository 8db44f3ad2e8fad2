"""A process that does one thing to a token and tells what came of it: python drill.py WHAT HOME."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import uuid
from pathlib import Path

from mmo.keys.module import Pkcs11Module
from mmo.keys.ports import KeysAwayError, Purpose
from mmo.keys.softhsm import configure, find_library

KEY = b"key-of-the-drill"


def start(what: str, home: Path) -> "subprocess.Popen[str]":
    """Start this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.mmo.keys.drill", what, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def starts(module: Pkcs11Module) -> None:
    """Log in and sign two hundred times."""
    for _ in range(200):
        await module.run(lambda token: token.digest_signed(KEY, bytes(32)))
    say("ready")


async def generates(module: Pkcs11Module) -> None:
    """Make keys until somebody kills it, or nobody who started it is left."""
    say("ready")
    parent = os.getppid()
    while os.getppid() == parent:
        made = uuid.uuid4().bytes
        await module.run(lambda token, made=made: token.make(made, "orphan", Purpose.PIN))


async def forks(module: Pkcs11Module) -> None:
    """Use the token in a forked child."""
    child = os.fork()
    if child == 0:
        try:
            module.run(lambda token: token.alive()).send(None)
            say("the child used the token")
        except RuntimeError as error:
            say(type(error).__name__, error)
        os._exit(0)
    await asyncio.to_thread(os.waitpid, child, 0)
    assert await module.run(lambda token: token.alive())
    say("the parent goes on")


async def fills_the_disk(module: Pkcs11Module) -> None:
    """Write no byte more, as on a full disk; then make a key, and sign."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        await module.run(
            lambda token: token.make(b"0123456789abcdef", "late", Purpose.PIN), repeats=0
        )
        say("made a key on a full disk")
    except KeysAwayError as error:
        say("refused", type(error).__name__)
    for _ in range(20):
        await module.run(lambda token: token.digest_signed(KEY, bytes(32)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await module.run(lambda token: token.make(uuid.uuid4().bytes, "later", Purpose.PIN))
    say("signs")


async def main(what: str, home: Path) -> None:
    configure(home / "hsm")
    library = find_library()
    assert library is not None
    module = Pkcs11Module(library, "mmo", home / "secrets" / "hsm.pin", home / "hsm")
    await module.open()
    await {"starts": starts, "generates": generates, "forks": forks, "full": fills_the_disk}[what](
        module
    )
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))

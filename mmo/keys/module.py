"""The PKCS#11 module of this process: one thread owns it, and nobody else calls into it.

python-pkcs11 tells the library that there are no threads, and SoftHSM then takes no locks: two
threads crash the process. Login is under a file lock, with one try of the PIN, for a real HSM
erases itself after a few wrong ones; a start beside other starts is tried again.
"""

import asyncio
import fcntl
import os
import random
import time
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
import structlog

from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.keys.token import Token

CALL_S = 5.0
"""How long a caller waits for the token."""
WAITING_MAX = 1024
"""Calls that may wait for the thread."""
START_TRIES = 6
START_PAUSE_S = 0.2
REOPEN_S = 0.5
"""Pause between two attempts to open a token that went away."""
REPEATS_MAX = 2
"""How often a signature or MAC is repeated after an error of the device; a creation never is."""

Result = TypeVar("Result")
_log = structlog.get_logger()
_opened: "weakref.WeakSet[Pkcs11Module]" = weakref.WeakSet()


class WrongPinError(Exception):
    """The token refused the PIN. It is not tried again: a real HSM would lock."""


class ForkedError(RuntimeError):
    """The process was forked after the token was opened: its handles belong to the parent."""


class Pkcs11Module:
    """Opens the token and runs work on its thread. One per process."""

    def __init__(self, library: Path, label: str, pin: Path, directory: Path) -> None:
        self._library = library
        self._label = label
        self._pin = pin
        self._directory = directory
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pkcs11")
        self._token: Token | None = None
        self._session: pkcs11.Session | None = None
        self._tried_at = 0.0
        self._waiting = 0
        self._forked = False
        _opened.add(self)

    async def open(self) -> None:
        """Log in, look at every key, and sign once. Raises as the class says.

        Raises KeysAwayError, WrongPinError or UnfitKeyError, each a line that says what to do.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    async def close(self) -> None:
        """Log out and let the library go."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def run(self, work: Callable[[Token], Result], *, repeats: int = REPEATS_MAX) -> Result:
        """Do work with the token. Raises KeysAwayError, or NoKeyError where the key is gone.

        `repeats`: after an error of the device; 0 for what must not happen twice.
        """
        if self._forked:
            raise ForkedError("the token was opened before a fork: open it in the child instead")
        if self._waiting >= WAITING_MAX:
            raise KeysAwayError(f"{WAITING_MAX} calls wait for the token already")
        self._waiting += 1
        called = asyncio.get_running_loop().run_in_executor(self._thread, self._call, work, repeats)
        called.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(called), CALL_S)
        except TimeoutError:
            raise KeysAwayError(f"the token did not answer within {CALL_S:.0f} s") from None

    def poison(self) -> None:
        """Refuse to be used in a forked child."""
        self._forked = True

    def _done(self, called: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not called.cancelled():
            called.exception()  # a caller that gave up does not ask for it

    def _call(self, work: Callable[[Token], Result], repeats: int) -> Result:
        token = self._token or self._opened_again()
        for left in range(repeats, -1, -1):
            try:
                return work(token)
            except (pkcs11.DeviceError, pkcs11.FunctionFailed) as error:
                if left == 0:
                    raise KeysAwayError(f"the token failed: {_said(error)}") from error
                _log.warning("hsm.repeated", error=_said(error))
            except (pkcs11.PKCS11Error, NoKeyError) as error:
                if token.alive():
                    if isinstance(error, NoKeyError):
                        raise
                    raise KeysAwayError(f"the token refused: {_said(error)}") from error
                self._token = None
                raise KeysAwayError(f"the token is away: {_said(error)}") from error
        raise AssertionError

    def _opened_again(self) -> Token:
        if time.monotonic() - self._tried_at < REOPEN_S:
            raise KeysAwayError("the token is away")
        self._tried_at = time.monotonic()
        try:
            self._login(pkcs11.lib(str(self._library)), first=False)
        except (pkcs11.PKCS11Error, OSError) as error:
            raise KeysAwayError(f"the token is away: {_said(error)}") from error
        token = self._token
        assert token is not None
        if not token.alive():
            self._token = None
            raise KeysAwayError("the token is away: it does not sign")
        _log.info("hsm.back")
        return token

    def _open(self) -> None:
        for left in range(START_TRIES - 1, -1, -1):
            try:
                loaded = pkcs11.lib(str(self._library))
                self._login(loaded, first=True)
            except (pkcs11.NoSuchToken, pkcs11.GeneralError, pkcs11.UserPinNotInitialized) as error:
                # Another process may be logging in just now: SoftHSM rewrites its file then.
                if left == 0:
                    raise KeysAwayError(
                        f"no token {self._label!r} in {self._directory}: `mmo hsm init` makes one "
                        f"({_said(error)})"
                    ) from error
                time.sleep(random.uniform(0.2, 1.0) * START_PAUSE_S)  # noqa: S311 - only a jitter
            except pkcs11.PKCS11Error as error:
                raise KeysAwayError(f"cannot use {self._library}: {_said(error)}") from error
            else:
                break
        token = self._token
        assert token is not None
        token.audit()
        if not token.alive():
            raise KeysAwayError("the token does not sign with its self-test key")

    def _login(self, loaded: Any, *, first: bool) -> None:
        if not self._pin.exists():
            raise KeysAwayError(f"no PIN in {self._pin}: `mmo hsm init` makes one")
        pin = self._pin.read_text().strip()
        with _locked(self._directory):
            loaded.reinitialize()  # SoftHSM reads its settings then, and finds what others made
            token = loaded.get_token(token_label=self._label)
            try:
                # The anchor: closing any logged-in session would log all of them out.
                session = token.open(rw=True, user_pin=pin)
            except (
                pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked,
            ) as error:  # fmt: skip
                raise WrongPinError(
                    f"the token refuses the PIN in {self._pin}: put the right one there"
                ) from error
            self._session = session
            self._token = opened = Token(session)
            if first:
                opened.ensure_self_test()

    def _close(self) -> None:
        self._token = None
        if self._session is not None:
            self._session = None
            pkcs11.lib(str(self._library)).finalize()


@contextmanager
def _locked(directory: Path) -> Generator[None]:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / "login.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _said(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()


def _in_child() -> None:
    for module in _opened:
        module.poison()


os.register_at_fork(after_in_child=_in_child)

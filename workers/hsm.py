"""Prepare the HSM: `python -m workers hsm`, the first step of `mmo up`. Safe to repeat."""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from mmo.keys.module import Pkcs11Module, WrongPinError
from mmo.keys.ports import KeysAwayError
from mmo.keys.softhsm import configure, initialise
from mmo.keys.token import UnfitKeyError
from mmo.settings import Settings
from workers.wiring import hsm_library, hsm_module

PIN_BYTES = 24
"""Random bytes of a PIN: a token in software has no lock against guessing."""
HSM_ERRORS = (KeysAwayError, WrongPinError, UnfitKeyError)


def main(_: Sequence[str] = ()) -> int:
    """Prepare the token that the environment names; one line and exit code 1 where it fails."""
    try:
        asyncio.run(prepare(Settings()))
    except HSM_ERRORS as error:
        sys.stderr.write(f"mmo: {error}\n")
        return 1
    return 0


async def prepare(settings: Settings) -> bool:
    """Initialise SoftHSM's token where there is none, then open it once; whether it is new.

    The token of a real HSM is initialised with its vendor's tools, and only opened here.
    """
    library = hsm_library(settings)
    new = False
    if "softhsm" in library.name:
        so_pin = settings.hsm_pin.with_name("hsm.so-pin")
        for file in (settings.hsm_pin, so_pin):
            _make_pin(file)
        configure(settings.hsm)
        new = initialise(
            library,
            settings.hsm_token,
            so_pin.read_text().strip(),
            settings.hsm_pin.read_text().strip(),
        )
    await _open_once(hsm_module(settings))
    return new


async def _open_once(module: Pkcs11Module) -> None:
    try:
        await module.open()
    finally:
        await module.close()


def _make_pin(file: Path) -> None:
    """Make the file with a random PIN, for its owner's eyes only, where there is none."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(PIN_BYTES))
    draft.chmod(0o400)
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(draft)
    draft.unlink()

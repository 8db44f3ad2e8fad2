"""SoftHSM: the token in software that stands where no HSM is. Found, configured and initialised."""

import ctypes
import os
from pathlib import Path

import pkcs11

from mmo.keys.ports import KeysAwayError

PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
MISSING = "SoftHSM is not installed: `apt install softhsm2`, or set MMO_PKCS11_MODULE to your HSM's"
CONFIGURATION = "softhsm2.conf"
LABEL_BYTES = 32


def find_library() -> Path | None:
    """Where SoftHSM is installed."""
    return next((Path(place) for place in PLACES if Path(place).exists()), None)


def configure(directory: Path) -> None:
    """Write SoftHSM's own settings and name them to the library. Before it is loaded; repeatable.

    The forked child of a process that opened the token gets nothing of it.
    """
    tokens = directory / "tokens"
    if not tokens.exists():
        tokens.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
    export(directory)
    wanted = (
        f"directories.tokendir = {tokens.absolute()}\n"
        "objectstore.backend = file\n"
        "log.level = ERROR\n"
        "slots.removable = false\n"
        "library.reset_on_fork = true\n"
    )
    file = directory / CONFIGURATION
    if not file.exists() or file.read_text() != wanted:
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(wanted)
        draft.replace(file)


def export(directory: Path) -> None:
    """Name the settings to the library, which reads them when it is initialised."""
    os.environ["SOFTHSM2_CONF"] = str((directory / CONFIGURATION).absolute())


def initialise(library: Path, label: str, so_pin: str, pin: str) -> bool:
    """Initialise a token in the first free slot; false where one has the label already.

    By the library itself: a PIN in a command line could be read by everybody on the machine.
    """
    loaded = pkcs11.lib(str(library))
    loaded.reinitialize()  # it may have been loaded for another directory
    if any(token.label == label for token in loaded.get_tokens(token_label=label)):
        return False
    free = [slot for slot in loaded.get_slots() if _is_free(slot)]
    if not free:
        raise KeysAwayError(f"{library} has no slot without a token")
    raw = ctypes.CDLL(str(library))
    raw.C_InitToken.argtypes = [
        ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p,
    ]  # fmt: skip
    raw.C_InitToken.restype = ctypes.c_ulong
    secret, name = so_pin.encode(), label.encode().ljust(LABEL_BYTES)
    answer = raw.C_InitToken(free[0].slot_id, secret, len(secret), name)
    if answer != 0:
        raise KeysAwayError(f"the token could not be initialised (PKCS#11 code {answer:#x})")
    loaded.reinitialize()
    token = loaded.get_token(token_label=label)
    with token.open(rw=True, so_pin=so_pin) as session:
        session.init_pin(pin)
    return True


def _is_free(slot: pkcs11.Slot) -> bool:
    try:
        token = slot.get_token()
    except (pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised):
        return False
    return not token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED

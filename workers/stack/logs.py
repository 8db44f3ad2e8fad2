"""One log per process, kept small, and read back."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

LOG_MAX_BYTES = 10 * 2**20
"""A log that is larger is moved to NAME.log.1, which replaces the one before."""
FOLLOW_S = 0.3
LINE_MAX = 300
"""Characters of a line that are worth repeating."""


def rotate_logs(folder: Path, max_bytes: int = LOG_MAX_BYTES) -> None:
    """Move aside every log that has grown too large.

    Copied and emptied, because the process keeps its file open for appending; lines written
    between the two may be lost.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > max_bytes:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with log.open("r+b") as file:
                file.truncate(0)


def cause(log: Path, since: int = 0) -> str:
    """Why a process ended: its last line about an error, else its last, from byte `since` on.

    Of a long line the end, where the cause stands.
    """
    with log.open("rb") as file:
        file.seek(since)
        lines = [one for one in file.read().decode(errors="replace").splitlines() if one.strip()]
    blamed = [one for one in lines if re.search("error|fatal|panic|^mmo: ", one, re.IGNORECASE)]
    line = (blamed or lines or ["it said nothing"])[-1]
    return line if len(line) <= LINE_MAX else f"… {line[-LINE_MAX:]}"


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log, at most the last megabyte."""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 2**20))
        return file.read().decode(errors="replace").splitlines()[-lines:]


def follow(logs: list[Path]) -> Iterator[tuple[str, str]]:
    """New lines of the logs as they come, each with its log's name; for ever."""
    places = {log: log.stat().st_size for log in logs}
    while True:
        for log, place in places.items():
            size = log.stat().st_size
            if size == place:
                continue
            with log.open("rb") as file:
                file.seek(place if size > place else 0)
                text = file.read()
                places[log] = file.tell()
            for line in text.decode(errors="replace").splitlines():
                yield log.stem, line
        time.sleep(FOLLOW_S)

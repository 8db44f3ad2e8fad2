"""Every command can be called without naming a home, and explains itself."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from mmo.movements.support.catalogue import movements
from workers.cli.main import build

COMMANDS = (
    "up", "down", "restart", "status", "logs", "reset", "migrate", "demo", "token", "wallets",
    "movements", "movement", "projections", "replay", "history", "verify", "doctor", "audit",
    "approvals", "bep", "sms", "tariffs",
)  # fmt: skip


def mmo(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.cli.main", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_needs_no_home_and_shows_an_example(command: str) -> None:
    app = build([command])
    offered = [*app.registered_commands, *(g.typer_instance for g in app.registered_groups)]

    assert offered
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for one in group.typer_instance.registered_commands:
            assert one.callback is not None
            assert "Example" in (one.callback.__doc__ or ""), one.callback.__name__
            home = one.callback.__kwdefaults__ or {}
            assert "home" not in one.callback.__annotations__ or "home" in home


def test_a_question_to_nobody_is_one_clear_line(tmp_path: Path) -> None:
    answer = mmo("verify", folder=tmp_path)

    assert answer.returncode == 1
    assert "run `mmo up`" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_catalogue_can_be_read_without_a_stack(tmp_path: Path) -> None:
    answer = mmo("movements", "--json", folder=tmp_path)

    assert answer.returncode == 0
    assert '"movement": "p2p-transfer"' in answer.stdout


def test_a_table_that_a_program_reads_has_each_row_on_a_line(tmp_path: Path) -> None:
    told = mmo("movements", folder=tmp_path).stdout.splitlines()

    assert max(map(len, told)) > 80
    for movement in movements().values():
        (line,) = [line for line in told if line.split()[:1] == [movement.name]]
        assert line.split()[1:3] == [movement.scope, movement.command.__name__]
        assert line.split()[4].startswith("mmo.")


@pytest.mark.parametrize("columns", [100, 300])
def test_a_table_is_as_wide_as_the_terminal(columns: int, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [sys.executable, "-m", "workers.cli.main", "movements"]
    around = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}}
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, env=around | {"TERM": "xterm"}
    ) as told:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # which a terminal raises at its end
            while piece := os.read(ours, 65536):
                shown += piece
    os.close(ours)
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", shown).decode().replace("\r", "")

    assert told.returncode == 0
    assert 80 < max(map(len, plain.splitlines())) <= columns

"""Every command can be called without naming a home, and explains itself."""

import subprocess
import sys
from pathlib import Path

import pytest

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

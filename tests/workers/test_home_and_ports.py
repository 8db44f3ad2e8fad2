"""Whoever starts mmo where it cannot run is told in one line what to do."""

import io
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.cli.main import main
from workers.stack.home import VERSION, Home, check_space
from workers.stack.launch import StackError, program
from workers.stack.logs import cause, rotate_logs, tail
from workers.stack.ports import DEFAULTS, check_ports, choose_ports
from workers.stack.processes import free_port


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def mmo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line; answer with its exit code and what it said."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
        monkeypatch.setattr(sys, "argv", ["mmo", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def test_a_taken_port_is_named_with_the_flag_that_changes_it(mmo, home: Home, taken: int) -> None:
    code, said = mmo("up", "--home", home.path, "--ports", "auto", "--nats-port", taken)
    assert code == 1
    assert f"port {taken} for nats is taken" in said
    assert "--nats-port" in said


def test_a_second_up_on_the_same_data_is_refused(mmo, home: Home) -> None:
    home.prepare()
    with home.locked():
        code, said = mmo("up", "--home", home.path)
    assert code == 1
    assert "another mmo runs on" in said
    assert "mmo down" in said


def test_data_of_a_newer_version_are_refused(mmo, home: Home) -> None:
    home.prepare()
    (home.path / "VERSION").write_text(f"{VERSION + 1}\n")
    code, said = mmo("up", "--home", home.path)
    assert code == 1
    assert f"is of version {VERSION + 1}" in said


def test_a_directory_that_cannot_be_written_is_refused(mmo, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = mmo("up", "--home", tmp_path / "file" / "home")
    assert code == 1
    assert "cannot write to the data directory" in said
    assert "MMO_HOME" in said


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"is full: \d+ MB are free and mmo needs"):
        check_space(tmp_path, needed_mb=2**40)


def test_a_missing_wheel_is_named() -> None:
    with pytest.raises(StackError, match=r"uv sync --all-extras.*package some-wheel"):
        program("no-such-server", "some-wheel")


def test_a_real_server_that_was_not_built_is_named(mmo, home: Home) -> None:
    code, said = mmo("up", "--home", home.path, "--ports", "auto", "--temporal", "postgres")
    assert code == 1
    assert "make temporal-server" in said


def test_what_is_given_comes_before_what_is_remembered(taken: int) -> None:
    ports = choose_ports({"api": 1111}, {"api": 2222, "nats": 3333}, auto=False)
    assert ports == {**DEFAULTS, "api": 1111, "nats": 3333}


def test_auto_replaces_only_what_is_taken(taken: int) -> None:
    kept = free_port()
    ports = choose_ports({}, {"api": taken, "nats": kept}, auto=True)
    assert ports["api"] != taken
    assert ports["nats"] == kept
    check_ports(ports)


def test_two_servers_cannot_have_one_port() -> None:
    with pytest.raises(StackError, match="api and nats cannot both have port"):
        check_ports({"api": 20001, "nats": 20001})


def test_a_stopped_stack_says_so(mmo, home: Home) -> None:
    home.prepare()
    assert mmo("status", "--home", home.path)[0] == 3
    assert mmo("restart", "front", "--home", home.path)[0] == 3
    assert mmo("down", "--home", home.path) == (0, "mmo is not running.\n")
    assert mmo("up", "--no-such-flag")[0] == 2


def test_reset_asks_first_and_keeps_built_programs(mmo, home: Home) -> None:
    home.prepare()
    home.binaries.mkdir()
    assert mmo("reset", "--home", home.path)[0] == 1  # the answer was no
    assert (home.path / "VERSION").exists()
    assert mmo("reset", "--home", home.path, "--yes")[0] == 0
    assert [inside.name for inside in home.path.iterdir()] == ["bin"]


@pytest.mark.parametrize(
    "command",
    ["up", "down", "status", "restart", "logs", "reset", "migrate", "doctor", "temporal-server"],
)
def test_every_command_of_the_stack_shows_an_example(mmo, command: str) -> None:
    code, said = mmo(command, "--help")
    assert code == 0
    assert "Example:" in said


def test_a_log_that_has_grown_is_moved_aside(tmp_path: Path) -> None:
    log = tmp_path / "front.log"
    log.write_text("old\n" * 100)
    with log.open("a") as still_open:
        rotate_logs(tmp_path, max_bytes=100)
        still_open.write("new\n")
    assert tail(log, 10) == ["new"]
    assert (tmp_path / "front.log.1").read_text() == "old\n" * 100


def test_the_cause_is_the_last_error_of_this_attempt(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_text("FATAL: of yesterday\n")
    since = log.stat().st_size
    with log.open("a") as file:
        file.write("FATAL: the port is taken\nLOG: shut down\n")
    assert cause(log, since) == "FATAL: the port is taken"

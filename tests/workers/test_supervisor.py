"""A stack starts in order, heals, and leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers.stack.control import ask_restart
from workers.stack.home import Home
from workers.stack.launch import StackError
from workers.stack.processes import alive, born
from workers.stack.state import ProcessState, StackState, boot_id, end_orphans, read_state

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    """Start a supervisor of small programs and wait until it is ready."""
    started: list[subprocess.Popen[str]] = []

    def start(*parts: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("small_stack.py")), home.path, *parts],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        wait_until(lambda: process.poll() is not None or state_of(home, process) == "ready")
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    end_orphans(read_state(home))


def state_of(home: Home, process: subprocess.Popen[str]) -> str:
    state = read_state(home)
    return state.state if state.pid == process.pid else ""


def wait_until(true: Callable[[], bool], within_s: float = 15) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def process_of(home: Home, name: str) -> ProcessState:
    return next(one for one in read_state(home).processes if one.name == name)


def is_back(home: Home, name: str, before: ProcessState) -> bool:
    now = process_of(home, name)
    return now.health == "ready" and now.pid != before.pid


def test_what_others_need_is_ready_before_they_start(home: Home, start: Start) -> None:
    output = start("top", "once", "base")
    output.send_signal(signal.SIGTERM)
    said = output.communicate(timeout=10)[0]
    assert said.index("base:") < said.index("once:") < said.index("top:") < said.index("ready")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_leaves_no_process(home: Home, start: Start, sign: signal.Signals) -> None:
    supervisor = start("base", "once", "top")
    running = read_state(home).living()
    assert {one.name for one in running} == {"base", "top"}

    supervisor.send_signal(sign)

    assert supervisor.wait(10) == 0
    assert not any(alive(one.pid, one.birth) for one in running)
    assert read_state(home).state == "stopped"


def test_what_others_need_stops_after_them(home: Home, start: Start) -> None:
    start("base", "once", "top").terminate()
    wait_until(lambda: read_state(home).state == "stopped")
    assert (home.path / "stopped").read_text().split() == ["top", "base"]


def test_who_does_not_listen_is_killed_within_its_patience(home: Home, start: Start) -> None:
    supervisor = start("deaf")
    deaf = process_of(home, "deaf")

    supervisor.send_signal(signal.SIGINT)

    supervisor.wait(5)
    assert not alive(deaf.pid, deaf.birth)


def test_a_killed_process_is_started_again_and_counted(home: Home, start: Start) -> None:
    start("base", "once", "top")
    before = process_of(home, "base"), process_of(home, "top")

    os.kill(before[0].pid, signal.SIGKILL)

    wait_until(lambda: is_back(home, "base", before[0]))
    assert process_of(home, "base").restarts == 1
    assert process_of(home, "top").pid == before[1].pid  # who needs it reconnects by itself


def test_a_supervisor_that_was_killed_is_recovered_from(home: Home, start: Start) -> None:
    first = start("base", "once", "top")
    orphans = read_state(home).living()
    first.kill()
    first.wait()
    assert all(alive(one.pid, one.birth) for one in orphans)

    second = start("base", "once", "top")

    assert not any(alive(one.pid, one.birth) for one in orphans)
    assert len(read_state(home).living()) == 2
    second.send_signal(signal.SIGINT)
    assert "ended top base" in second.communicate(timeout=10)[0]


def test_a_number_given_to_another_process_is_left_in_peace(home: Home) -> None:
    mine, birth = os.getpid(), born(os.getpid())
    assert birth is not None
    other = ProcessState(name="old", log="", stage=0, pid=mine, birth=birth - 1)

    assert end_orphans(StackState(boot=boot_id(), processes=[other])) == []
    other.birth = birth
    assert end_orphans(StackState(boot="another start of the machine", processes=[other])) == []


def test_a_part_that_cannot_start_stops_the_start_and_says_why(home: Home, start: Start) -> None:
    said = start("base", "broken").communicate(timeout=15)[0]

    assert "mmo: broken ended with code 7: the disk is on fire" in said
    assert not read_state(home).living()
    assert read_state(home).state == "failed"


def test_restart_rolls_one_process_and_no_other(home: Home, start: Start) -> None:
    start("base", "once", "top")
    before = process_of(home, "base"), process_of(home, "top")

    assert ask_restart(home, "top") == "top was restarted and is ready"

    assert is_back(home, "top", before[1])
    assert process_of(home, "base").pid == before[0].pid
    with pytest.raises(StackError, match="no process is called nobody; there are base, top"):
        ask_restart(home, "nobody")


def test_two_supervisors_never_share_a_home(home: Home, start: Start) -> None:
    first = start("base")

    second = start("base")

    assert f"another mmo runs on {home.path} (process {first.pid})" in second.communicate()[0]
    assert first.poll() is None

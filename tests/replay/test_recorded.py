"""Recorded histories: what real servers wrote once, the code of today still does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from temporalio.client import WorkflowHistory

from mmo.histories.fold import fold
from tests.replay import record
from tests.replay.record import FOLDER, NAME, recordings, scene_of, wanted
from tests.replay.scenes import scenes
from tests.replay.story import replay

SCENES = scenes()
RECORDED = recordings()


def history(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(name, json.loads((FOLDER / f"{name}.json").read_text()))


def test_every_scene_is_recorded() -> None:
    assert {scene_of(name) for name in RECORDED} == set(SCENES)


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_history_still_replays(name: str) -> None:
    await replay(history(name))


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_history_tells_its_movement_and_its_end(name: str) -> None:
    folded = fold(history(name))

    assert folded.type == name.partition("/")[0].replace("_", "-")
    assert folded.state == SCENES[scene_of(name)].ends
    assert folded.records
    assert all(UUID(wallet) for wallet in folded.wallets)


@pytest.mark.parametrize("name", ["voucher/redeemed", "voucher/claimed"])
def test_who_joined_a_movement_at_its_end_is_one_of_its_wallets(name: str) -> None:
    assert len(fold(history(name)).wallets) == 2


def test_what_is_only_asked_once_more_is_no_record_of_the_journal() -> None:
    held, posted = fold(history("p2p_transfer/resumed_under_changed_rules")).records

    assert held["open"]
    assert not posted["open"]


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_history_names_no_person_and_no_machine(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text()

    assert "+2547" not in text
    assert {part.split('"')[0] for part in text.split('"identity": "')[1:]} <= {NAME}


def test_only_what_has_no_recording_is_recorded_unless_more_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert wanted([], again=False) == {}
    assert set(wanted([], again=True)) == set(SCENES)
    assert set(wanted(["cash_in/posted"], again=True)) == {"cash_in/posted"}
    with pytest.raises(KeyError):
        wanted(["cash_in/nothing"], again=False)

    monkeypatch.setattr(record, "FOLDER", tmp_path)
    (tmp_path / "cash_in").mkdir()
    (tmp_path / "cash_in/posted@2.json").write_text("{}")
    assert set(SCENES) - set(wanted([], again=False)) == {"cash_in/posted"}


async def test_what_was_recorded_before_stays_beside_what_is_recorded_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    (tmp_path / "cash_in").mkdir()
    before = tmp_path / "cash_in/posted.json"
    before.write_text("{}")
    run = tmp_path / "servers"
    run.mkdir(mode=0o755)

    await record.record(run, wanted(["cash_in/posted"], again=True))

    assert before.read_text() == "{}"
    assert len(json.loads((tmp_path / "cash_in/posted@2.json").read_text())["events"]) > 3


def test_to_ask_for_help_records_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        record.main(["--help"])

    assert ended.value.code == 0
    assert "--all" in capsys.readouterr().out


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_recording_that_is_stopped_halfway_leaves_no_servers(
    tmp_path: Path, stop: signal.Signals
) -> None:
    around = {**os.environ, "TMPDIR": str(tmp_path)}
    program = [sys.executable, "-m", "tests.replay.record", "--all", "cash_in/posted"]
    tmp_path.chmod(0o755)
    with subprocess.Popen(program, env=around, start_new_session=True) as recording:
        deadline = time.monotonic() + 60
        while not servers_below(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert servers_below(tmp_path)
        recording.send_signal(stop)
        recording.wait(60)

    assert recording.returncode != 0
    assert servers_below(tmp_path) == []


def servers_below(folder: Path) -> list[str]:
    """Processes that run with a file below the folder."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().decode()
            if str(folder) in command:
                found.append(command)
    return found

"""Recorded histories: what real servers wrote once, the code of today still does."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from mmo.histories.fold import fold
from tests.replay.record import FOLDER, SCENES, SKIPPING
from tests.replay.story import replay

RECORDED = sorted(str(p.relative_to(FOLDER).with_suffix("")) for p in FOLDER.glob("*/*.json"))


def history(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(name, json.loads((FOLDER / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_history_still_replays(name: str) -> None:
    await replay(history(name))


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_history_tells_its_movement_and_its_end(name: str) -> None:
    folded = fold(history(name))
    movement, case = name.split("/")

    assert folded.type == movement.replace("_", "-")
    assert folded.state == ("posted" if case in POSTED else "refused")
    assert len(folded.records) >= 1


POSTED = {"posted", "released_at_once", "released", "answered_by_the_maker_first", "paid"}


def test_every_scene_is_recorded() -> None:
    assert set(RECORDED) == {*SCENES, *SKIPPING}


def test_no_history_names_a_person_or_a_machine() -> None:
    for path in Path(FOLDER).glob("*/*.json"):
        text = path.read_text()
        assert "+2547" not in text, path
        assert '"identity": "recorder"' in text, path

"""Recorded histories: what real servers wrote once, the code of today still does."""

import json
from uuid import UUID

import pytest
from temporalio.client import WorkflowHistory

from mmo.histories.fold import fold
from tests.replay.record import FOLDER, NAME
from tests.replay.scenes import scenes
from tests.replay.story import replay

SCENES = scenes()
RECORDED = sorted(str(p.relative_to(FOLDER).with_suffix("")) for p in FOLDER.glob("*/*.json"))


def history(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(name, json.loads((FOLDER / f"{name}.json").read_text()))


def test_every_scene_is_recorded() -> None:
    assert set(RECORDED) == set(SCENES)


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_history_still_replays(name: str) -> None:
    await replay(history(name))


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_history_tells_its_movement_and_its_end(name: str) -> None:
    folded = fold(history(name))

    assert folded.type == name.partition("/")[0].replace("_", "-")
    assert folded.state == SCENES[name].ends
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

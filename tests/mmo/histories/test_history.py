"""A kept history: the same bytes for the same history, read again unharmed, told by the line."""

import zlib
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from mmo.histories.history import (
    DamagedHistoryError,
    Packed,
    closed,
    pack,
    timeline_of,
    unpack,
)

RECORDED = sorted((Path(__file__).parents[2] / "replay" / "histories").glob("*/*.json"))


def recorded(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_read_again_is_what_was_kept(path: Path) -> None:
    history = recorded(path)
    packed = pack(history)

    again = unpack(history.workflow_id, packed)

    assert again.events == history.events
    assert pack(again) == packed
    assert len(packed.content) < path.stat().st_size
    assert timeline_of(again) == timeline_of(history)


def test_a_history_ends_with_its_workflow() -> None:
    history = recorded(RECORDED[0])
    without_its_end = WorkflowHistory(history.workflow_id, history.events[:-1])

    assert closed(history) == "completed"
    assert closed(without_its_end) is None
    assert closed(WorkflowHistory(history.workflow_id, [])) is None
    kinds = [line["kind"] for line in timeline_of(history)]
    assert (kinds[0], kinds[-1]) == ("started", "ended")


@pytest.mark.parametrize(
    "damaged",
    [
        lambda kept: Packed(kept.content[:40], kept.sha256),
        lambda kept: Packed(b"", kept.sha256),
        lambda kept: Packed(zlib.compress(b"{}"), kept.sha256),
        lambda kept: Packed(kept.content, bytes(32)),
    ],
)
def test_bytes_that_are_not_those_that_were_kept_are_not_read(damaged) -> None:
    with pytest.raises(DamagedHistoryError):
        unpack("id", damaged(pack(recorded(RECORDED[0]))))

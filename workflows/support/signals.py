"""Signals: a workflow takes in whatever is sent to it, and drops what does not fit."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from mmo.kernel.payloads import CLEAR

DOCUMENT_MAX = 8192
"""Characters of a signed document; the longest that we write has fewer than 2,000."""
_PARTS = 3
"""Of a signed document: head, claims, signature."""
DROPS_NAMED_MAX = 10
"""How many of the newest dropped signals the details name."""
DECIDE, WAKE, DONE = "decide", "wake", "done"
"""A signed document came; something happened that may concern the movement; a task was done."""
Handler = Callable[[Sequence[RawValue]], None]


class SignalReceiver:
    """The base of every workflow that waits.

    One dynamic handler takes every signal, of any name and with any input: a handler with fixed
    parameters fails the workflow task for ever where the input is missing or cannot be read, and
    whoever may signal could freeze money. What does not fit is dropped and named.
    """

    def __init__(self) -> None:
        self._dropped: deque[str] = deque(maxlen=DROPS_NAMED_MAX)
        self._drops = 0

    def signal_handlers(self) -> Mapping[str, Handler]:
        """Signal → what takes it in. None of these raises."""
        return {}

    @workflow.signal(dynamic=True)
    def receive(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Take a signal in. Never raises: the history keeps what was sent."""
        handler = self.signal_handlers().get(name)
        if handler is None:
            self.drop(name, "no signal of this workflow")
        else:
            handler(payloads)

    def drop(self, name: str, why: str) -> None:
        """Name a signal that does not count."""
        self._drops += 1
        self._dropped.append(f"`{name[:40]}`: {why}")

    def dropped(self) -> list[str]:
        """What was dropped, as lines of markdown; the newest, and how many there were."""
        named = [f"- dropped: {line}" for line in self._dropped]
        more = self._drops - len(self._dropped)
        return [*named, f"- dropped before: {more}"] if more else named


def text_of(payloads: Sequence[RawValue]) -> str | None:
    """The one text that a signal carries; None where it carries anything else."""
    if len(payloads) != 1:
        return None
    written = payloads[0].payload
    metadata = {key: value for key, value in written.metadata.items() if key != CLEAR}
    try:
        found: Any = workflow.payload_converter().from_payload(
            Payload(metadata=metadata, data=written.data), str
        )
    except Exception:  # noqa: BLE001 - whatever it is, it is no text
        return None
    return found if isinstance(found, str) else None


def is_document(text: str) -> bool:
    """Whether it has the shape of a signed document: three parts of base64url."""
    parts = text.split(".")
    return (
        len(text) <= DOCUMENT_MAX
        and text.isascii()
        and len(parts) == _PARTS
        and all(part.replace("-", "").replace("_", "").isalnum() for part in parts)
    )

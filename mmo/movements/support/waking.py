"""Wakers: which events give a sleeping movement cause to look at its facts again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import LiteralString

from mmo.messaging.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Waker:
    """Finds the movements that an event may concern. A wake too many costs them a look.

    A movement is found only from the moment its row is written: it writes that first, and looks
    then, so that nothing happens between the two unseen.
    """

    name: str
    about: Callable[[Event], Iterable[str]]
    """The keys (such as wallets) that the event is about; none where it is about nothing here."""
    find: LiteralString
    """SQL for the (tenant_id, movement_id) that sleep on any of %(tenants)s::int[] and
    %(keys)s::text[], which go in pairs; it may name a movement twice."""


def about_wallet(*kinds: str) -> Callable[[Event], Iterable[str]]:
    """The wallet of each event of the types: `mmo.wallet.opened.v1`."""

    def about(event: Event) -> Iterable[str]:
        return (str(event.aggregate_id),) if event.type in kinds else ()

    return about

"""The routes of this room, in their order: those of the catalogue first."""

from collections.abc import Iterator

from fastapi import APIRouter

from api.movements import (
    answers,
    authorisation_codes,
    figures,
    qr,
    quotes,
    reads,
    routes,
    vouchers,
)
from mmo.movements.support.catalogue import movements

PREPARED = {
    "payment-request": authorisation_codes.PREPARED,
    "voucher": vouchers.PREPARED,
}
"""Movement → what its acceptance needs beside the command."""

ROUTERS = (vouchers.router, qr.router, authorisation_codes.router, reads.router, figures.router)


def of_the_catalogue() -> Iterator[APIRouter]:
    """A route for each movement, each price and each answer that there is."""
    for movement in movements().values():
        yield routes.route_of(movement, PREPARED.get(movement.name))
    for movement in movements().values():
        if movement.priced:
            yield quotes.route_of(movement)
    for offered in answers.routed():
        yield answers.route_of(offered)

"""The catalogue: every module of mmo.movements is a money movement."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import mmo.movements as here
from mmo.movements.support.movement import Answer, Movement


@cache
def movements() -> dict[str, Movement]:
    """Find every movement, by name. A module that breaks stops the process, loudly."""
    modules = sorted(module.name for module in iter_modules(here.__path__) if not module.ispkg)
    found = [_movement_of(module) for module in modules]
    entries = [(movement.entity, step.event) for movement in found for step in movement.steps]
    if len(set(entries)) != len(entries):
        raise ImportError("two steps of the catalogue raise the same business event")
    if len({movement.number for movement in found}) != len(found):
        raise ImportError("two movements of the catalogue have the same number")
    return {movement.name: movement for movement in found}


def description_of(movement: Movement) -> str:
    """What a movement is, in the sentence that its module begins with."""
    module = import_module(f"{here.__name__}.{movement.name.replace('-', '_')}")
    first = (module.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    sentence = first.partition(": ")[2]
    return sentence[:1].upper() + sentence[1:]


def answers() -> Iterator[Answer]:
    """Every answer of the catalogue, each name once."""
    named = {one.name: one for movement in movements().values() for one in movement.answers}
    yield from named.values()


def _movement_of(module: str) -> Movement:
    movement = getattr(import_module(f"{here.__name__}.{module}"), "MOVEMENT", None)
    if not isinstance(movement, Movement):
        raise ImportError(f"mmo/movements/{module}.py has no MOVEMENT")
    if movement.name != module.replace("_", "-"):
        raise ImportError(f"mmo/movements/{module}.py calls its movement {movement.name}")
    return movement

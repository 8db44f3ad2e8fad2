"""The processors there are: those of the package beside this file, and those that plug in."""

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from mmo.bep.processor import BusinessEventProcessor, Effect

GROUP = "mmo.processors"
"""The entry points of plug-ins: each names a module with processors, and effects where it has."""
PACKAGE = "mmo.bep.processors"

Processor = BusinessEventProcessor[Any]


class DuplicateProcessorError(ImportError):
    """Two processors answer to one name, or two effects carry out one kind."""


@cache
def processors() -> dict[str, Processor]:
    """Every processor by its name, in the order of names."""
    found: dict[str, Processor] = {}
    for module in modules():
        for one in _of(module, BusinessEventProcessor):
            if one.name in found:
                raise DuplicateProcessorError(f"two processors are called {one.name}")
            found[one.name] = one()
    return dict(sorted(found.items()))


@cache
def effects() -> dict[str, Effect]:
    """The effects that processors bring along, by the kind of reaction that they carry out."""
    found: dict[str, Effect] = {}
    for module in modules():
        for one in _of(module, Effect):
            if one.kind in found:
                raise DuplicateProcessorError(f"two effects carry out {one.kind}")
            found[one.kind] = one()
    return found


@cache
def names() -> dict[str, str]:
    """Every name or alias that a processor answers to → its name."""
    told = {name: name for name in processors()}
    for one in processors().values():
        for alias in one.aliases:
            if alias in told:
                raise DuplicateProcessorError(f"two processors answer to {alias}")
            told[alias] = one.name
    return told


def modules() -> tuple[ModuleType, ...]:
    """The modules with processors. A broken one stops the process at start."""
    own = import_module(PACKAGE).__path__
    inside = [import_module(f"{PACKAGE}.{one.name}") for one in pkgutil.iter_modules(own)]
    return (*inside, *(point.load() for point in entry_points(group=GROUP)))


def _of(module: ModuleType, base: Any) -> Iterator[Any]:
    """The concrete classes of a module that are of that kind."""
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, base)
            and value.__module__ == module.__name__
            and not getattr(value, "__abstractmethods__", None)
        ):
            yield value

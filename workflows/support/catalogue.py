"""The processes of the catalogue: the workflow behind each money movement."""

from functools import cache
from importlib import import_module

from mmo.movements.support.catalogue import movements
from workflows.support.movement import MoneyMovement


@cache
def workflow_of(movement: str) -> type[MoneyMovement]:
    """Find the one workflow in the module of the same stem: p2p-transfer, P2PTransfer."""
    module = import_module(f"workflows.{movement.replace('-', '_')}")
    found = [value for value in vars(module).values() if _is_process_of(module.__name__, value)]
    if len(found) != 1:
        raise ImportError(f"{module.__name__} has {len(found)} workflows, and should have one")
    return found[0]


def workflows() -> dict[str, type[MoneyMovement]]:
    """Every process, by the name of its movement."""
    return {name: workflow_of(name) for name in movements()}


def _is_process_of(module: str, value: object) -> bool:
    is_process = isinstance(value, type) and issubclass(value, MoneyMovement)
    return is_process and value.__module__ == module

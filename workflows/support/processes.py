"""The processes that move no money, found by their modules."""

import pkgutil
from functools import cache
from importlib import import_module

PACKAGE = "workflows.processes"


@cache
def processes() -> dict[str, type]:
    """Every such workflow by its module: tenant_onboarding, TenantOnboarding."""
    return {
        found.name: _only_workflow_of(f"{PACKAGE}.{found.name}")
        for found in pkgutil.iter_modules(import_module(PACKAGE).__path__)
    }


def _only_workflow_of(name: str) -> type:
    module = import_module(name)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == name
        and hasattr(value, "__temporal_workflow_definition")
    ]
    if len(found) != 1:
        raise ImportError(f"{name} has {len(found)} workflows, and should have one")
    return found[0]

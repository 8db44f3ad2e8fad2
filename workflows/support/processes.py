"""The processes that are no money movement, found by their modules."""

import pkgutil
from functools import cache
from importlib import import_module

PACKAGE = "workflows.processes"


@cache
def processes(queue: str) -> dict[str, type]:
    """The workflows of a task queue by their modules: tenant_onboarding, TenantOnboarding.

    A module says by its QUEUE whose workers carry its workflow out.
    """
    modules = [
        import_module(f"{PACKAGE}.{found.name}")
        for found in pkgutil.iter_modules(import_module(PACKAGE).__path__)
    ]
    return {
        module.__name__.rpartition(".")[2]: _only_workflow_of(module.__name__)
        for module in modules
        if queue == module.QUEUE
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

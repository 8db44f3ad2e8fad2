"""What this process has measured."""

from prometheus_client import REGISTRY


def measured(name: str, **labels: str) -> float:
    """The value of a metric; 0 where it was never touched."""
    return REGISTRY.get_sample_value(name, labels) or 0.0

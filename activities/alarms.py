"""The alarm of what nobody accepted: somebody reaches Temporal who should not."""

import structlog
from prometheus_client import Counter

NOT_ACCEPTED = Counter(
    "mmo_not_accepted",
    "Workflows and activities that asked for what nobody accepted: somebody else starts them.",
    ["tenant", "type"],
)

_log = structlog.get_logger()


def raise_not_accepted(tenant: str, type_: str, identifier: str, why: str) -> None:
    """Count it, and log it for whoever is on call. Names and ids only."""
    NOT_ACCEPTED.labels(tenant[:40], type_[:40]).inc()
    _log.error(
        "alert.not_accepted", tenant=tenant[:40], type=type_[:40], id=identifier[:80], why=why[:200]
    )

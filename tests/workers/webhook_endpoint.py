"""An endpoint of the house's tenant, without the API."""

from uuid import UUID, uuid4

from mmo.keys.envelope import Envelope
from mmo.notifications import webhooks
from tests.workflows.house import TENANT, House


async def active_endpoint(opened: House, url: str) -> UUID:
    """Register an endpoint whose secret is sealed by the tenant's key."""
    identifier = uuid4()
    sealed = await Envelope(opened.keys).seal_text(
        TENANT.slug, webhooks.PURPOSE, webhooks.context_of(identifier), webhooks.new_secret()
    )
    async with opened.pool.connection() as connection:
        await webhooks.register(
            connection, TENANT.id, identifier, url=url, description="", events=[], secret=sealed,
            by="tests",
        )  # fmt: skip
    return identifier

"""Opening a tenant, step by step, however often something dies on the way."""

from typing import Any

from temporalio import workflow

from activities.onboarding import OnboardingActivities
from workflows.support import queues
from workflows.support.limits import ONBOARDING_BEAT, ONBOARDING_STEP, UNTIL_IT_WORKS

QUEUE = queues.KEYS
Does = OnboardingActivities
STEPS: tuple[tuple[Any, str], ...] = (
    (Does.register, "write the tenant down"),
    (Does.keys, "make its keys"),
    (Does.identity, "policy, roles and first administrator"),
    (Does.books, "books and chart of accounts"),
    (Does.namespace, "namespace and search attributes"),
    (Does.activate, "let it work"),
)


@workflow.defn
class TenantOnboarding:
    """Open the tenant of a slug that was asked for. All it is told is the slug."""

    @workflow.run
    async def run(self, slug: str) -> None:
        """Carry the steps out in order; each is retried until it works."""
        for step, summary in STEPS:
            workflow.set_current_details(f"**{slug}**: {summary}")
            await workflow.execute_activity_method(
                step,
                slug,
                start_to_close_timeout=ONBOARDING_STEP,
                heartbeat_timeout=ONBOARDING_BEAT,
                retry_policy=UNTIL_IT_WORKS,
                summary=summary,
            )
        workflow.set_current_details(f"**{slug}** is open")

"""The sandbox of tests and replays: pure modules pass through, workflow files are reloaded."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "mmo", "activities", "workflows.support", "orjson", "pydantic_core", "uuid_utils", "iso4217"
    )
)

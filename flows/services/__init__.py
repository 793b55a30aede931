"""The writes of flows and runs. Keyword-only, each in one transaction with its ledger entry."""

from flows.services.drafts import create_flow, save_draft
from flows.services.errors import (
    FlowExists,
    FlowInvalid,
    FlowNotReleased,
    FlowPaused,
    InputInvalid,
    InputTooLarge,
    NothingChanged,
    RunNotFailed,
    ServiceError,
)
from flows.services.runs import (
    NewRun,
    cancel_run,
    pause_run,
    resolve_wait,
    resume_run,
    retry_run,
    start_run,
    start_runs,
)
from flows.services.versions import publish_version, release_version

__all__ = [
    "FlowExists",
    "FlowInvalid",
    "FlowNotReleased",
    "FlowPaused",
    "InputInvalid",
    "InputTooLarge",
    "NewRun",
    "NothingChanged",
    "RunNotFailed",
    "ServiceError",
    "cancel_run",
    "create_flow",
    "pause_run",
    "publish_version",
    "release_version",
    "resolve_wait",
    "resume_run",
    "retry_run",
    "save_draft",
    "start_run",
    "start_runs",
]

"""A step's context, for tests that call a step type as the runtime does."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flows.steps.base import StepContext

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def context(
    bindings: Mapping[str, Any] | None = None, *, run_id: int = 12, attempt: int = 1
) -> StepContext:
    return StepContext(
        run_id=run_id,
        flow="loan",
        version=3,
        step_id="call",
        token_id=5,
        activation=2,
        attempt=attempt,
        input={},
        bindings={"input": {}, "steps": {}, "run": {}, **(bindings or {})},
        now=NOW,
    )

"""Why a service refused. Nothing was changed then."""

from collections.abc import Sequence
from typing import Any


class ServiceError(Exception):
    """The base of them: ``message`` says what is wrong, ``remedy`` what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class FlowExists(ServiceError):
    """Another flow has this name."""


class NameReserved(ServiceError):
    """The page of a flow of this name could not be reached."""


class FlowInvalid(ServiceError):
    """The draft has problems that keep it from being published. ``problems`` lists them."""

    def __init__(self, problems: Sequence[Any]) -> None:
        self.problems = list(problems)
        super().__init__(
            f"The draft has {len(self.problems)} problem(s).", "Correct each of them, then publish."
        )


class FlowTestsFailed(ServiceError):
    """Some of the flow's own tests fail. ``failed`` has each one's name and what differs."""

    def __init__(self, failed: Sequence[tuple[str, Sequence[str]]]) -> None:
        self.failed = list(failed)
        name, problems = self.failed[0]
        super().__init__(
            f"{len(self.failed)} of the flow's tests failed; {name!r}: {' '.join(problems)}",
            "Correct the draft or the test, then publish.",
        )


class SecondPersonNeeded(ServiceError):
    """The flow demands that a second person agrees to each publication."""


class DraftChanged(ServiceError):
    """The draft is another than the one that was looked at."""


class NothingChanged(ServiceError):
    """The draft equals the newest version."""


class FlowNotReleased(ServiceError):
    """No version of the flow is released."""


class FlowPaused(ServiceError):
    """The flow is paused: it takes no new runs."""


class PolicyRefused(ServiceError):
    """A policy that is attached to this point refuses the act, or could not be asked."""


class StartLimit(ServiceError):
    """Runs may not lead to more runs, or not so soon."""

    @property
    def whole(self) -> str:
        """What and what to do, for a run's failure or a trigger's record."""
        return f"{self} {self.remedy}"


class ChainTooDeep(StartLimit):
    """Runs have started runs that started runs, more often than the limit."""


class ChainTooLong(StartLimit):
    """One run has led to as many runs as it may."""


class StartedTooOften(StartLimit):
    """The flow has started as many runs in a minute as it may."""


class InputInvalid(ServiceError):
    """The input does not fit the flow's schema. ``errors`` has path and message of each fault."""

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        self.errors = list(errors)
        first = self.errors[0]
        where = first["path"] or "the input"
        super().__init__(
            f"The input does not fit the flow: {where}: {first['message']}",
            "Compare it with the flow's input schema.",
        )


class InputTooLarge(ServiceError):
    """The input is larger than a run may carry."""


class IdempotencyKeyReused(ServiceError):
    """The key started a run that was asked for otherwise: ``run_id``."""

    def __init__(self, run_id: int, what: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"This idempotency key started run {run_id} with another {what}.",
            "Use a new key for each run.",
        )


class KeyReserved(ServiceError):
    """Somebody gave an idempotency key that the server keeps for its own runs."""


class OtherFlowOutOfReach(ServiceError):
    """A flow would use another flow, and whoever lets it may not."""


class VersionNotReleased(ServiceError):
    """A run would go by a version that is not released, chosen by someone who may not publish."""


class RunBusy(ServiceError):
    """A worker is executing one of the run's steps, or the run has ended."""


class StepUnknown(ServiceError):
    """The version has no such step."""


class DecisionPassedOver(ServiceError):
    """A rerun would go round a step at which people decide."""


class VersionUnfit(ServiceError):
    """The run cannot go on with that version."""


class FilterUnread(ServiceError):
    """A filter could not be read; without it more runs would match."""


class BulkOptionMissing(ServiceError):
    """An option that this act on many runs needs was not given."""


class BulkActEnded(ServiceError):
    """The act on many runs has ended: there is nothing to stop."""


class RunNotFailed(ServiceError):
    """Only a failed run can be retried."""

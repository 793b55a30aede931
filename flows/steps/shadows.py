"""Asking models in the shadow of another: beside it, in threads of their own, and in vain.

Whatever a shadow does, it changes nothing of the step but what the provenance tells of it.
"""

import contextvars
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore, Condition, Thread

from django.db import connections

from flows.steps.base import Json, StepFailure
from flows.steps.routing import Tried
from workbench.values.checking import fits

logger = logging.getLogger(__name__)
Charges = Sequence[Mapping[str, Json]]
# So many may be asked at once in a process: a shadow that hangs holds a thread until its time-out.
# Where one call answers for many, its threads do nothing but wait for it.
MOST_AT_ONCE, MOST_SHARING = 32, 256
# The provenance is read with every row of a journal.
MOST_BYTES = 64 * 1024
_places = BoundedSemaphore(MOST_AT_ONCE)
_places_to_share = BoundedSemaphore(MOST_SHARING)


@dataclass(frozen=True, slots=True)
class Said:
    """What a shadow answered, as the provenance keeps it, and what its calls cost."""

    output: Json = None
    confidence: float | None = None
    charges: Charges = ()
    version: str = ""
    failed: StepFailure | None = None


class Shadow:
    """A model that is asked in a thread. ``count_late`` is told what it cost if nobody waited.

    ``shares_call`` says that the call is made for other activations too.
    """

    def __init__(
        self,
        model: str,
        ask: Callable[[str], Said],
        count_late: Callable[[Charges], None],
        *,
        shares_call: bool = False,
    ) -> None:
        self.model = model
        self.is_busy = False
        self._ask, self._count_late = ask, count_late
        self._places = _places_to_share if shares_call else _places
        self._said: Said | None = None
        self._is_dropped = False
        self._changed = Condition()

    def start(self) -> None:
        if not self._places.acquire(blocking=False):
            self.is_busy = True
            return
        context = contextvars.copy_context()
        name = f"shadow-{self.model}"
        try:
            Thread(target=context.run, args=(self._run,), name=name, daemon=True).start()
        except RuntimeError:
            # The process can start no more threads, or is about to end.
            self._places.release()
            self.is_busy = True

    def wait_or_drop(self, seconds: float) -> Said | None:
        """Return what it has said by then; after that, nobody hears it."""
        if self.is_busy:
            return None
        with self._changed:
            self._changed.wait_for(lambda: self._said is not None, max(0.0, seconds))
            self._is_dropped = self._said is None
            return self._said

    def _run(self) -> None:
        try:
            self._hand_over(self._ask_safely())
        except Exception:
            logger.warning("What the shadow %s cost was not counted", self.model, exc_info=True)
        finally:
            connections.close_all()
            self._places.release()

    def _ask_safely(self) -> Said:
        try:
            return self._ask(self.model)
        except Exception as error:
            logger.warning("The shadow %s failed", self.model, exc_info=True)
            return Said(failed=StepFailure(type(error).__name__, kind="exception"))

    def _hand_over(self, said: Said) -> None:
        with self._changed:
            self._said = said
            self._changed.notify_all()
            is_late = self._is_dropped
        if is_late and said.charges:
            self._count_late(said.charges)


def collect(shadows: Sequence[Shadow], wait_ms: int) -> list[tuple[Tried, Said | None]]:
    """Return how each ended, at most so long from now. What has not ended is dropped."""
    until = time.monotonic() + wait_ms / 1000
    return [_tell(shadow, shadow.wait_or_drop(until - time.monotonic())) for shadow in shadows]


def _tell(shadow: Shadow, said: Said | None) -> tuple[Tried, Said | None]:
    if said is None:
        return Tried(shadow.model, "dropped", "busy" if shadow.is_busy else "late"), None
    if said.failed is not None:
        return Tried(shadow.model, "failed", said.failed.kind), said
    return Tried(shadow.model, "answered", confidence=said.confidence), said


def find_fault(model: str, output: Json) -> StepFailure | None:
    """Return why an answer cannot be kept beside the one that is used, None if it can."""
    try:
        size = len(json.dumps(output, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return StepFailure(f"The answer of {model} is not JSON.", kind="contract")
    if size > MOST_BYTES:
        return StepFailure(f"The answer of {model} has {size:,} bytes.", kind="too_large")
    if not fits(output):
        return StepFailure(f"The answer of {model} cannot be stored.", kind="contract")
    return None


def show(collected: Sequence[tuple[Tried, Said | None]]) -> list[dict[str, Json]]:
    """Return what the provenance keeps of the shadows under ``shadow``."""
    shown = []
    for tried, said in collected:
        each = tried.as_json()
        if said is not None and said.failed is None:
            each |= {"output": said.output, "version": said.version}
        shown.append(each)
    return shown

"""Which artifacts a run holds: those given to it, and those that its steps stored.

A digest in a run's data gives nothing by itself: whoever knows it could write it there.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from flows.models import Artifact, RunArtifact
from flows.store.rows import Claim

Json = Any
# Cases take a digest with either prefix.
_NAMED = re.compile(r"\"(?:artifact:|sha256:)?([0-9a-f]{64})\"")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Holder(Protocol):
    """For whom a step is called: it keeps what the step stores, which reads what it holds."""

    def keep(self, digest: str) -> None: ...

    def holds(self, digest: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class RunHolder:
    """A run whose step is called, under ``claim``."""

    run_id: int
    claim: Claim | None = None

    def keep(self, digest: str) -> None:
        give_artifacts(self.run_id, [digest])

    def holds(self, digest: str) -> bool:
        return bool(find_held(self.run_id, [digest]))


@dataclass(slots=True)
class RehearsalHolder:
    """A rehearsal: it reads what it has stored, what the run that it repeats holds, and no more.

    Beside that, what ``may_read`` allows to the person for whom it is played.
    """

    run_id: int = 0
    may_read: Callable[[str], bool] | None = None
    stored: set[str] = field(default_factory=set)

    def keep(self, digest: str) -> None:
        self.stored.add(digest)

    def holds(self, digest: str) -> bool:
        if digest in self.stored or (self.run_id and find_held(self.run_id, [digest])):
            return True
        return self.may_read is not None and self.may_read(digest)


_holder: ContextVar[Holder | None] = ContextVar("holder", default=None)


@contextmanager
def calling_for(holder: Holder) -> Iterator[None]:
    """Let the holder have what is stored inside, and let only what it holds be read."""
    token = _holder.set(holder)
    try:
        yield
    finally:
        _holder.reset(token)


def call_for(holder: Holder, call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what the call returns, made for the holder. Every step is called so: it costs little.

    A context manager written as a generator would take five times as long.
    """
    token = _holder.set(holder)
    try:
        return call(*arguments)
    finally:
        _holder.reset(token)


def get_holder() -> Holder | None:
    """Return for whom a step is being called here; None outside of steps."""
    return _holder.get()


def get_claim() -> Claim | None:
    """Return the claim of the step that is being called here, None outside of runs."""
    holder = _holder.get()
    return holder.claim if isinstance(holder, RunHolder) else None


def list_named(value: Json) -> set[str]:
    """Return every text of a JSON value that could be the digest of an artifact."""
    return set(_NAMED.findall(json.dumps(value)))


def list_references(value: Json, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the digest of each ``{"artifact": "<digest>", …}`` at any depth."""
    if isinstance(value, Mapping):
        named = value.get("artifact")
        if isinstance(named, str) and _DIGEST.fullmatch(named):
            yield f"{at}/artifact", named
        for key, each in value.items():
            yield from list_references(each, f"{at}/{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from list_references(each, f"{at}/{number}")


def give_artifacts(run_id: int, digests: Collection[str]) -> None:
    """Let a run hold these artifacts. Two statements, none without any."""
    if digests:
        ids = Artifact.objects.filter(digest__in=digests).values_list("pk", flat=True)
        made = [RunArtifact(run_id=run_id, artifact_id=pk) for pk in ids]
        RunArtifact.objects.bulk_create(made, ignore_conflicts=True)


def find_held(run_id: int, digests: Collection[str]) -> set[str]:
    """Return those of the digests that the run holds. One query, none without any."""
    if not digests:
        return set()
    held = RunArtifact.objects.filter(run_id=run_id, artifact__digest__in=digests)
    return set(held.values_list("artifact__digest", flat=True))


def find_passed_on(run_id: int, value: Json) -> set[str]:
    """Return what a run that hands over this value passes on: of what it names, what it holds."""
    return find_held(run_id, list_named(value))

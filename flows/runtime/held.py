"""Which artifacts a run holds: those given to it, and those that its steps stored.

A digest in a run's data gives nothing by itself: whoever knows it could write it there.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from flows.models import Artifact, Event, RunArtifact
from flows.runtime.labels import Label, Labels, label_as_said
from flows.store.rows import Claim

Json = Any
# Cases take a digest with either prefix.
_NAMED = re.compile(r"\"(?:artifact:|sha256:)?([0-9a-f]{64})\"")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Holder(Protocol):
    """For whom a step is called: it keeps what the step stores, which reads what it holds."""

    def keep(self, digest: str, label: Label) -> None: ...

    def holds(self, digest: str) -> bool: ...

    def label_of(self, digest: str) -> Label:
        """Return what it calls an artifact; empty where it does not say."""


@dataclass(slots=True)
class RunHolder:
    """A run whose step is called, under ``claim``."""

    run_id: int
    claim: Claim | None = None

    def keep(self, digest: str, label: Label) -> None:
        give_artifacts(self.run_id, {digest: label})

    def holds(self, digest: str) -> bool:
        return bool(find_held(self.run_id, [digest]))

    def label_of(self, digest: str) -> Label:
        return find_held(self.run_id, [digest]).get(digest, Label())


@dataclass(slots=True)
class RehearsalHolder:
    """A rehearsal: it reads what it has stored, what the run that it repeats holds, and no more.

    Beside that, what ``may_read`` allows to the person for whom it is played.
    """

    run_id: int = 0
    may_read: Callable[[str], bool] | None = None
    stored: dict[str, Label] = field(default_factory=dict)
    # The connections of calls under way, and of those that a time limit gave up.
    unanswered: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    # What still runs past a time limit may ask nobody then.
    is_over: bool = False

    def give_up(self) -> None:
        """Wait no longer for the calls under way."""
        while self.unanswered:
            self.given_up.append(self.unanswered.pop())

    def keep(self, digest: str, label: Label) -> None:
        self.stored.setdefault(digest, label)

    def holds(self, digest: str) -> bool:
        if digest in self.stored or (self.run_id and find_held(self.run_id, [digest])):
            return True
        return self.may_read is not None and self.may_read(digest)

    def label_of(self, digest: str) -> Label:
        if digest in self.stored or not self.run_id:
            return self.stored.get(digest, Label())
        return find_held(self.run_id, [digest]).get(digest, Label())


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


def give_artifacts(run_id: int, given: Labels) -> None:
    """Let a run hold these artifacts, each by its label. Two statements, none without any.

    What the run holds already keeps its label.
    """
    if given:
        ids = Artifact.objects.filter(digest__in=given.keys()).values_list("pk", "digest")
        made = [
            RunArtifact(
                run_id=run_id,
                artifact_id=pk,
                name=given[digest].name,
                media_type=given[digest].media_type,
            )
            for pk, digest in ids
        ]
        RunArtifact.objects.bulk_create(made, ignore_conflicts=True)


def find_held(run_id: int, digests: Collection[str]) -> dict[str, Label]:
    """Return those of the digests that the run holds, by its labels. One query, or none."""
    if not digests:
        return {}
    held = RunArtifact.objects.filter(run_id=run_id, artifact__digest__in=digests)
    return read_labels(held.values_list("artifact__digest", "name", "media_type"))


def read_labels(rows: Iterable[tuple[str, str, str]]) -> dict[str, Label]:
    """Return the labels of rows with digest, name and media type; the first row of each digest."""
    found: dict[str, Label] = {}
    for digest, name, media_type in rows:
        found.setdefault(digest, Label(name, media_type))
    return found


def find_passed_on(run_id: int, value: Json) -> dict[str, Label]:
    """Return what a run that hands over this value passes on: of what it names, what it holds.

    The value says what each is called; where it does not, the run that hands it over does.
    """
    held = find_held(run_id, list_named(value))
    return label_as_said(held, value, held)


def get_event_gifts(event: Event) -> dict[str, Label]:
    """Return the artifacts that an event carries. One of an earlier release has no labels."""
    return {digest: Label(*event.labels.get(digest, ())) for digest in event.artifacts}

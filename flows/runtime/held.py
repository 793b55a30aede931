"""Which artifacts a run holds: those given to it, and those that its steps stored.

A digest in a run's data gives nothing by itself: whoever knows it could write it there.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flows.models import Artifact, RunArtifact

Json = Any
# Cases take a digest with either prefix.
_NAMED = re.compile(r"\"(?:artifact:|sha256:)?([0-9a-f]{64})\"")
_DIGEST = re.compile(r"[0-9a-f]{64}")

_run_of_call: ContextVar[int | None] = ContextVar("run_of_call", default=None)


@contextmanager
def calling_for(run_id: int | None) -> Iterator[None]:
    """Let the run hold what is stored inside, and let only what it holds be read."""
    token = _run_of_call.set(run_id)
    try:
        yield
    finally:
        _run_of_call.reset(token)


def get_run_of_call() -> int | None:
    """Return the run whose step is being called here; None outside of steps."""
    return _run_of_call.get()


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

"""Large JSON: past INLINE_PAYLOAD_BYTES it is an artifact, and the row keeps a mark that names it.

Steps and expressions never see the mark: what reads a row puts the value back. A mark is
``{"$artifact": digest, "size": bytes}``. Data that has a key ``$artifact`` of its own is kept as
``{"$artifact": null, "value": data}``, so that nobody can write a mark.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from flows.runtime.artifacts import read_artifact, store_artifact
from flows.store import get_store

Json = Any
MARK, ESCAPED = "$artifact", "value"


def is_large(size: int) -> bool:
    return size > int(settings.INLINE_PAYLOAD_BYTES)


def store_if_large(value: Json, *, name: str, now: datetime) -> Json:
    """Store a large value as an artifact and return its mark; return a small one escaped.

    The file is written before any row names it. A file that no row comes to name does no harm.
    """
    content = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    if not is_large(len(content)):
        return escape(value)
    stored = store_artifact(
        content=content, media_type="application/json", name=f"{name}.json", now=now
    )
    return {MARK: stored["artifact"], "size": stored["size"]}


def is_plain(value: Json) -> bool:
    """Return whether a row keeps the value as it is: neither a mark nor what looks like one."""
    return not (isinstance(value, dict) and MARK in value)


def escape(value: Json) -> Json:
    """Return the value as a row keeps it, which ``fetch`` turns back."""
    return value if is_plain(value) else {MARK: None, ESCAPED: value}


def reveal(stored: Json) -> Json:
    """Return the value for people to read: a large one stays a mark. Takes no query."""
    return stored[ESCAPED] if _is_escaped(stored) else stored


def fetch(stored: Json) -> Json:
    """Return the value that a row keeps, read from its artifact if it is large.

    Raises: ArtifactMissing.
    """
    if _is_mark(stored):
        return json.loads(read_artifact(stored[MARK])[1])
    return reveal(stored)


def _is_mark(stored: Json) -> bool:
    return (
        not is_plain(stored) and stored.keys() == {MARK, "size"} and isinstance(stored[MARK], str)
    )


def _is_escaped(stored: Json) -> bool:
    return not is_plain(stored) and stored.keys() == {MARK, ESCAPED} and stored[MARK] is None


def outputs_of(run_id: int, steps: Iterable[str]) -> dict[str, Json]:
    """Return ``{step: {"output": …, "port": …}}`` of the newest finish of each step."""
    return fetch_outputs(get_store().get_outputs(run_id, steps))


def fetch_outputs(found: Mapping[str, Json]) -> dict[str, Json]:
    """Return the outputs with each mark replaced by its value, shaped as by ``outputs_of``."""
    return {step: {**made, "output": fetch(made["output"])} for step, made in found.items()}

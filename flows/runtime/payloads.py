"""Large JSON: past INLINE_PAYLOAD_BYTES it is an artifact, and the row keeps a mark that names it.

Steps and expressions never see the mark: what reads a row puts the value back.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from flows.runtime.artifacts import read_artifact, store_artifact
from flows.store import get_store

Json = Any
MARK = "$artifact"


def is_large(size: int) -> bool:
    return size > int(settings.INLINE_PAYLOAD_BYTES)


def store_if_large(value: Json, *, name: str, now: datetime) -> Json:
    """Store a large value as an artifact and return its mark; return a small one as it is.

    The file is written before any row names it. A file that no row comes to name does no harm.
    """
    content = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    if not is_large(len(content)):
        return value
    stored = store_artifact(
        content=content, media_type="application/json", name=f"{name}.json", now=now
    )
    return {MARK: stored["artifact"], "size": stored["size"]}


def is_mark(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get(MARK), str)


def fetch(value: Json) -> Json:
    """Return the value that a mark names, or anything else as it is. Raises: ArtifactMissing."""
    if is_mark(value):
        return json.loads(read_artifact(value[MARK])[1])
    return value


def outputs_of(run_id: int, steps: Iterable[str]) -> dict[str, Json]:
    """Return ``{step: {"output": …, "port": …}}`` of the newest finish of each step."""
    return fetch_outputs(get_store().get_outputs(run_id, steps))


def fetch_outputs(found: Mapping[str, Json]) -> dict[str, Json]:
    """Return the outputs with each mark replaced by its value, shaped as by ``outputs_of``."""
    return {step: {**made, "output": fetch(made["output"])} for step, made in found.items()}

"""The lines of ``manage.py flow run``: read from an argument, a file or stdin, and as new runs."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import rfc8785
from django.core.management.base import CommandError

from flows.engine.lanes import PRIORITY, Lane
from flows.management.subcommands import Options
from flows.services.run_keys import LONGEST_KEY, OwnKey
from flows.services.starting import NewRun
from workbench.values.json_text import read_json
from workbench.values.refusals import NotJson

Json = Any
Line = tuple[int, str]
BATCH = 200


def read_batches(options: Options) -> Iterator[list[Line]]:
    """Yield the numbered lines in batches, without empty ones."""
    batch: list[Line] = []
    for line in _read_lines(options):
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _read_lines(options: Options) -> Iterator[Line]:
    if options["input"] is not None:
        yield 1, options["input"]
        return
    if options["input_file"] == "-":
        yield from _number_lines(sys.stdin)
        return
    try:
        file = Path(options["input_file"]).open()  # noqa: SIM115 - closed below
    except OSError as error:
        raise CommandError(f"{options['input_file']} cannot be read: {error.strerror}.") from error
    with file:
        yield from _number_lines(file)


def _number_lines(file: TextIO) -> Iterator[Line]:
    return ((number, line) for number, line in enumerate(file, 1) if line.strip())


def read_new_run(line: str, options: Options) -> NewRun:
    """Return the run of a line: an input, or ``{"input": …, "idempotency_key": …}``.

    Raises: ValueError, with what is wrong with the line.
    """
    try:
        value = read_json(line)
    except NotJson as error:
        raise ValueError(f"not JSON: {error}") from None
    key, priority = None, PRIORITY[Lane(options["lane"])] if options["lane"] else None
    if isinstance(value, dict) and {"input", "idempotency_key"} <= value.keys():
        value, key = value["input"], value["idempotency_key"]
    if options["again"]:
        return NewRun(value, priority=priority)
    if options["key"]:
        key = _read_key(value, options["key"])
    if key is None:
        digest = hashlib.sha256(rfc8785.dumps(value)).hexdigest()
        return NewRun(value, OwnKey.of("line", digest[:40]), priority)
    return NewRun(value, str(key)[:LONGEST_KEY], priority)


def _read_key(value: Json, field: str) -> str | int:
    """Return the field of the input that names the line. Raises: ValueError."""
    key = value.get(field) if isinstance(value, dict) else None
    if not isinstance(key, str | int) or key == "":
        raise ValueError(f"has no {field!r} to be its key")
    return key

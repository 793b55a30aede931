"""Evaluate expressions in processes of their own.

CEL holds the interpreter's lock for as long as it evaluates, up to a second at its limits: on a web
thread no other page of the process would be answered meanwhile. Where somebody tries an expression,
it is therefore evaluated in a child process, whose memory and time are bounded.
"""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from flows.expressions.errors import ExpressionError

Json = Any
# Two, so that one slow expression holds up nobody else's.
MOST_CHILDREN = 2
LONGEST_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 10.0
_CHUNK = 1024 * 1024
_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = [sys.executable, "-m", "flows.expressions.child"]


class _Died(Exception):
    """The child ended, or did not answer in time."""


class _Child:
    """A process that evaluates one request at a time. It ends when its input is closed."""

    def __init__(self) -> None:
        # Nothing of our environment: it has keys and passwords in it.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            _PROGRAM, cwd=_ROOT, env={"PATH": os.defpath}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes) -> dict[str, Json]:
        """Raises: _Died, after which the child is of no more use."""
        until = time.monotonic() + LONGEST_SECONDS
        given, answers = self._process.stdin, self._process.stdout
        if given is None or answers is None:
            raise _Died
        try:
            given.write(request + b"\n")
            given.flush()
        except OSError:
            raise _Died from None
        return dict(json.loads(_read_line(answers, until)))

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def _read_line(answers: "IO[bytes]", until: float) -> bytes:
    """Return the next line. Raises: _Died, if it is not there in time."""
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        ready, _, _ = select.select([answers], [], [], max(until - time.monotonic(), 0))
        part = os.read(answers.fileno(), _CHUNK) if ready else b""
        if not part:
            raise _Died
        parts.append(part)
    return b"".join(parts)


class _Children:
    """The processes: started when first needed, and kept for the next request."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(MOST_CHILDREN)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []

    def ask(self, request: bytes) -> dict[str, Json]:
        """Raises: ExpressionError if there is no answer in time."""
        if not self._places.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise ExpressionError("Too many expressions are being tried.", "Try it again.")
        child = None
        try:
            child = self._take()
            answer = child.ask(request)
            with self._lock:
                self._idle.append(child)
        except _Died:
            if child is not None:
                child.end()
            raise ExpressionError(
                "Evaluating took too long or too much memory.",
                "Work on a smaller part of the input.",
            ) from None
        finally:
            self._places.release()
        return answer

    def _take(self) -> _Child:
        """Return a child that waits for work; one that ended meanwhile is replaced."""
        while (child := self._pop()) is not None:
            if child.is_alive:
                return child
            child.end()
        return _Child()

    def _pop(self) -> _Child | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def end(self) -> None:
        while (child := self._pop()) is not None:
            child.end()


_children = _Children()
atexit.register(_children.end)


def evaluate_apart(source: str, bindings: Mapping[str, Json]) -> Json:
    """Return what ``compile_expression(source).evaluate(bindings)`` returns. Raises: as that."""
    return _ask("expression", source, bindings)


def render_apart(value: Json, bindings: Mapping[str, Json]) -> Json:
    """Return what ``compile_template(value).render(bindings)`` returns. Raises: as that."""
    return _ask("template", value, bindings)


def _ask(kind: str, what: Json, bindings: Mapping[str, Json]) -> Json:
    request = json.dumps([kind, what, bindings], separators=(",", ":")).encode()
    answer = _children.ask(request)
    if "error" in answer:
        raise ExpressionError(*answer["error"])
    return answer["value"]

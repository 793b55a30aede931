"""Ask processes of our own. Each answers one request at a time, and is kept for the next one."""

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

Json = Any
_CHUNK = 1024 * 1024
_ROOT = Path(__file__).resolve().parents[2]


class NoAnswer(Exception):
    """The child took too long or too much memory, and was ended."""


class TooManyAsk(Exception):
    """All children are at work, and none was free in time."""


class Children:
    """Processes that run a module, which calls ``workbench.apart.program.serve``.

    They are started when first needed. ``most`` of them run at once; a request is waited for
    ``seconds`` long, and a free child for ``seconds_to_wait``.
    """

    def __init__(
        self, module: str, *, most: int, seconds: float, seconds_to_wait: float = 10.0
    ) -> None:
        self._module = module
        self._seconds = seconds
        self._seconds_to_wait = seconds_to_wait
        self._places = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        atexit.register(self.end)

    def ask(self, request: Json, *, seconds: float | None = None) -> Json:
        """Return the answer to a request. Raises: NoAnswer, TooManyAsk."""
        line = json.dumps(request, separators=(",", ":")).encode()
        if not self._places.acquire(timeout=self._seconds_to_wait):
            raise TooManyAsk
        child = None
        try:
            child = self._take()
            answer = child.ask(line, seconds or self._seconds)
            with self._lock:
                self._idle.append(child)
        except NoAnswer:
            if child is not None:
                child.end()
            raise
        finally:
            self._places.release()
        return answer

    def end(self) -> None:
        """End the children that wait for work."""
        while (child := self._pop()) is not None:
            child.end()

    def _take(self) -> "_Child":
        """Return a child that waits for work; one that ended meanwhile is replaced."""
        while (child := self._pop()) is not None:
            if child.is_alive:
                return child
            child.end()
        return _Child(self._module)

    def _pop(self) -> "_Child | None":
        with self._lock:
            return self._idle.pop() if self._idle else None


class _Child:
    """A process that answers one request at a time. It ends when its input is closed."""

    def __init__(self, module: str) -> None:
        # Nothing of our environment: it has keys and passwords in it.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", module], cwd=_ROOT, env={"PATH": os.defpath},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, line: bytes, seconds: float) -> Json:
        """Raises: NoAnswer, after which the child is of no more use."""
        until = time.monotonic() + seconds
        given, answers = self._process.stdin, self._process.stdout
        if given is None or answers is None:
            raise NoAnswer
        try:
            given.write(line + b"\n")
            given.flush()
        except OSError:
            raise NoAnswer from None
        return json.loads(_read_line(answers, until))

    def end(self) -> None:
        # The programs that it called, too: it leads a group of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def _read_line(answers: "IO[bytes]", until: float) -> bytes:
    """Return the next line. Raises: NoAnswer, if it is not there in time."""
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        ready, _, _ = select.select([answers], [], [], max(until - time.monotonic(), 0))
        part = os.read(answers.fileno(), _CHUNK) if ready else b""
        if not part:
            raise NoAnswer
        parts.append(part)
    return b"".join(parts)

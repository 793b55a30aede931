"""Talk to the processes that are measured: in both directions, one JSON object on each line.

Uses the standard library alone, for the peers run it in an environment of their own.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Json = Any

ANSWER_SECONDS = 300.0
STOP_SECONDS = 15.0


class ProcessFailed(Exception):
    """A process failed, ended or did not answer in time. The message has the end of its log."""


# --- In the process that is measured ------------------------------------------------------


def answer(commands: Mapping[str, Callable[..., Json]]) -> None:
    """Write ``ready``, then answer each request ``{"do": name, …}`` until standard input closes."""
    # Whatever libraries print goes to standard error, not between the answers.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    replies.write('"ready"\n')
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"is": commands[request.pop("do")](**request)}
        except Exception:
            reply = {"failed": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")


# --- In the benchmark ---------------------------------------------------------------------


class Speaker:
    """A process that answers requests, as ``start_speaker`` starts it."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, do: str, **arguments: Json) -> Json:
        """Return the answer to one request. Raises: ProcessFailed."""
        self.tell(do, **arguments)
        return self.hear()

    def tell(self, do: str, **arguments: Json) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()

    def hear(self) -> Json:
        reply = json.loads(self._next_line())
        if "failed" in reply:
            raise self._failure(reply["failed"])
        return reply["is"]

    def wait_until_ready(self) -> None:
        self._next_line()

    def stop(self) -> None:
        """Close its input, which ends it. Kill it if it does not end."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as said:
            for line in said:
                self._lines.put(line)
        self._lines.put("")

    def _next_line(self) -> str:
        try:
            line = self._lines.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise self._failure(f"No answer in {ANSWER_SECONDS:.0f} s.") from None
        if not line:
            raise self._failure("It ended.")
        return line

    def _failure(self, why: str) -> ProcessFailed:
        log = self._log.read_text(errors="replace")[-3000:]
        return ProcessFailed(f"{self._process.args!r}: {why}\n{log}")


@contextlib.contextmanager
def start_speaker(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str]
) -> Iterator[Speaker]:
    """Start a process that answers requests, and stop it when the block ends."""
    log = folder / f"{len(list(folder.glob('*.log')))}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env=dict(environment), start_new_session=True,
        )  # fmt: skip
    speaker = Speaker(process, log)
    try:
        yield speaker
    finally:
        speaker.stop()


def ask_all(speakers: Sequence[Speaker], do: str, arguments: Sequence[Json]) -> list[Json]:
    """Return the answer of each, asked at the same time and each with its own arguments."""
    for speaker, each in zip(speakers, arguments, strict=True):
        speaker.tell(do, **each)
    return [speaker.hear() for speaker in speakers]

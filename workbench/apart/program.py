"""The program of a child: a request on each line of its input, an answer on each of its output."""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = Any
_STATM = Path("/proc/self/statm")
_WATCHED_EACH_SECONDS = 0.02


def serve(
    answer: Callable[[Json], Json],
    *,
    most_bytes: int | None = None,
    most_resident_bytes: int | None = None,
) -> None:
    """Answer each request until the input ends.

    ``most_bytes`` bounds the process's address space. Where a library reserves far more of that
    than it uses, ``most_resident_bytes`` bounds what is in memory instead: past it the process
    ends, up to 20 ms later. Such a library must let go of the interpreter's lock while it works.
    """
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if most_resident_bytes is not None and _STATM.exists():
        threading.Thread(target=_watch, args=(most_resident_bytes,), daemon=True).start()
    # What a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin.buffer:
        answers.write(json.dumps(answer(json.loads(line)), separators=(",", ":")) + "\n")
        answers.flush()


def _watch(most_resident_bytes: int) -> None:
    most_pages = most_resident_bytes // resource.getpagesize()
    while int(_STATM.read_text().split()[1]) <= most_pages:
        time.sleep(_WATCHED_EACH_SECONDS)
    os._exit(1)

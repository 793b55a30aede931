"""The program of a child: a request on each line of its input, an answer on each of its output."""

import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

Json = Any


def serve(answer: Callable[[Json], Json], *, most_bytes: int) -> None:
    """Answer each request until the input ends. The process may take so many bytes of memory."""
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin.buffer:
        answers.write(json.dumps(answer(json.loads(line)), separators=(",", ":")) + "\n")
        answers.flush()

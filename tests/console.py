"""A process that stays open and does in a site's own settings what one `manage.py` each would do.

To start Django takes two seconds of a core, which is more than most of what tests ask of it.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import servers
from tests.servers import ServerFailed


class Console:
    """Runs code and commands on the database of one COUNTERSIGN_VAR, one after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, code: str) -> str:
        """Run code in a namespace of its own; return what it printed. Raises: ServerFailed."""
        return self._ask({"code": code})

    def manage(self, *arguments: str) -> str:
        """Run a management command; return what it printed. Raises: ServerFailed."""
        return self._ask({"command": arguments})

    def _ask(self, request: dict[str, Any]) -> str:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        answer = json.loads(line or '{"said": "", "error": "The console is gone."}')
        if answer["error"]:
            raise ServerFailed(f"{request}:\n{answer['said']}{answer['error']}")
        return str(answer["said"])


@contextlib.contextmanager
def console(var: Path, **settings: str) -> Iterator[Console]:
    """Open a console; it ends with the block."""
    program = [sys.executable, "-m", "tests.console"]
    with subprocess.Popen(
        program, cwd=servers.ROOT, env=servers.environment(var, **settings), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        yield Console(process)


# --- In the process -------------------------------------------------------------------


def main() -> None:
    """Answer each line of the input, a JSON object, by a line of the output."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    django.setup()
    from django.db import connections

    answers = sys.stdout
    for line in sys.stdin:
        answer = _answer(json.loads(line))
        # As at the end of a process: nothing is held open, nothing is remembered.
        connections.close_all()
        print(json.dumps(answer), file=answers, flush=True)


def _answer(request: dict[str, Any]) -> dict[str, str]:
    from django.core.management import call_command

    said, error = io.StringIO(), ""
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            if "code" in request:
                exec(request["code"], {"__name__": "__console__"})
            else:
                call_command(*request["command"])
        except (Exception, SystemExit):
            error = traceback.format_exc()
    return {"said": said.getvalue(), "error": error}


if __name__ == "__main__":
    main()

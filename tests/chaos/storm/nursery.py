"""Forks the processes of the storm from one that has imported everything: a start takes 50 ms.

Told by lines of JSON on its input, ``{"slot": 3, "role": "worker", "code": "new"}``. It says
``{"slot": 3, "pid": 123}`` of each start and ``{"pid": 123, "status": -9}`` of each end. When its
input ends it kills what is left.

What it forks is what ``manage.py worker`` and ``manage.py clock`` run, without Dramatiq's master
process; a clerk does for the harness what a web process does for people.
"""

import json
import logging
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import django

from tests.chaos.storm.control import Control

LIVES: dict[int, int] = {}


def say(**words: Any) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())


def main() -> None:
    folder = Path(sys.argv[1])
    django.setup()
    _import_everything()
    control = Control(folder / "control")
    # Written to by the signal's handler, so that the loop below wakes for an end as for an order.
    waking, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    say(ready=True)
    pending = b""
    while True:
        readable, _, _ = select.select([0, waking], [], [])
        if waking in readable:
            os.read(waking, 512)
            _bury()
        if 0 in readable:
            told = os.read(0, 65536)
            if not told:
                break
            *lines, pending = (pending + told).split(b"\n")
            for line in lines:
                _obey(json.loads(line), folder, control)
    for pid in list(LIVES):
        os.kill(pid, signal.SIGKILL)


def _import_everything() -> None:
    """So that no child has to. Nothing here may start a thread or open a connection."""
    import workbench.process.parts  # noqa: F401
    from flows.steps.functions import load_functions

    load_functions()


def _bury() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        LIVES.pop(pid, None)
        say(pid=pid, status=os.waitstatus_to_exitcode(status))


def _obey(order: dict[str, Any], folder: Path, control: Control) -> None:
    slot, role, code = order["slot"], order["role"], order.get("code", "new")
    control.arm(slot, 0)
    control.shift(slot, 0.0)
    pid = os.fork()
    if pid:
        LIVES[pid] = slot
        say(slot=slot, pid=pid, code=code)
        return
    try:
        _live(slot, role, code, folder, control)
    finally:
        os._exit(1)


def _live(slot: int, role: str, code: str, folder: Path, control: Control) -> None:
    """Be that process until told to stop by SIGTERM."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(folder / f"{role}-{slot}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"
    )
    # Imported before the fork only by name: it patches what this role runs.
    from tests.chaos.storm.failpoints import Failpoints

    Failpoints(control, slot, role).install()
    if code == "old":
        _forget_newer()
    {"worker": _work, "clock": _keep_time, "clerk": _serve}[role](slot, folder)
    os._exit(0)


def _forget_newer() -> None:
    from django.conf import settings

    from flows.steps import registry
    from tests.chaos.storm.mix import NEWER

    settings.STEP_MODULES = [name for name in settings.STEP_MODULES if name != NEWER]
    registry._TYPES.pop("storm.newer", None)


def _work(slot: int, folder: Path) -> None:
    import random

    from dramatiq import Worker

    from workbench.dispatch.broker import get_broker
    from workbench.process.parts import RunDriver

    random.seed()
    broker = get_broker()
    broker.add_middleware(RunDriver())
    broker.emit_after("process_boot")
    worker = Worker(broker, worker_threads=2)
    worker.start()
    _until_told()
    worker.stop(timeout=10_000)


def _keep_time(slot: int, folder: Path) -> None:
    from workbench.dispatch.clock import run_clock

    stopped = threading.Event()
    clock = threading.Thread(target=run_clock, args=(stopped,), daemon=True)
    clock.start()
    _until_told()
    stopped.set()
    clock.join(5)


def _serve(slot: int, folder: Path) -> None:
    from tests.chaos.storm.clerk import serve

    serve(folder / f"clerk-{slot}.sock")


def _until_told() -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    while not told.is_set():
        time.sleep(0.1)


if __name__ == "__main__":
    main()

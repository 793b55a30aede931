"""What runs beside the web pages: the driver of runs, the workers of jobs, the clock."""

import threading
from typing import Any

from dramatiq import Worker
from dramatiq.middleware import Middleware

from workbench.dispatch.broker import get_broker
from workbench.dispatch.clock import run_clock

# How long a part may take to finish what it holds when the process is told to stop.
STOP_SECONDS = 3.0
WORKER_TIMEOUT_MS = 500
JOB_THREADS = 4


# The engine is imported where it is started: it pulls in every step type, which the command line
# does not need to print its help.


def start_driver() -> None:
    """Start driving runs in this process."""
    from flows.runtime import driver

    driver.start_driver()


def stop_driver(timeout_seconds: float) -> None:
    """Finish the steps at hand, for so long; what is left is taken over by another process."""
    from flows.runtime import driver

    driver.stop_driver(timeout_seconds)


def load_clock_tasks() -> None:
    """Register the engine's clock tasks; those of other apps come with their ``jobs`` modules."""
    from flows.runtime import clock  # noqa: F401


class RunDriver(Middleware):
    """Drives runs in each worker process, for as long as Dramatiq keeps the process."""

    def after_process_boot(self, broker: Any) -> None:
        start_driver()

    def before_worker_shutdown(self, broker: Any, worker: Worker) -> None:
        stop_driver(STOP_SECONDS)


class Embedded:
    """Driver, job worker and clock in threads of this process."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._broker = get_broker()
        self._worker = Worker(
            self._broker, worker_timeout=WORKER_TIMEOUT_MS, worker_threads=JOB_THREADS
        )
        self._clock = threading.Thread(target=run_clock, args=(self._stopped,), name="clock")

    def start(self) -> None:
        load_clock_tasks()
        start_driver()
        # The command line of Dramatiq emits this; without it time limits do nothing.
        self._broker.emit_after("process_boot")
        self._worker.start()
        self._clock.start()

    def stop(self) -> None:
        """Stop all three at the same time, so that together they take no longer than one."""
        self._stopped.set()
        stopping = [
            threading.Thread(target=stop_driver, args=(STOP_SECONDS,)),
            threading.Thread(target=self._worker.stop, args=(int(STOP_SECONDS * 1000),)),
            self._clock,
        ]
        for thread in stopping[:2]:
            thread.start()
        for thread in stopping:
            thread.join(STOP_SECONDS + 1)

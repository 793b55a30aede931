"""What runs beside the web pages: the driver of runs, the workers of jobs, the clock."""

import threading
from typing import Any

from dramatiq import Worker
from dramatiq.middleware import Middleware

from flows.runtime.driver import start_driver, stop_driver
from workbench.dispatch.broker import get_broker
from workbench.dispatch.clock import run_clock
from workbench.process.memory import collect_seldom

# How long a part may take to finish its work at hand when the process is told to stop.
STOP_SECONDS = 3.0
WORKER_TIMEOUT_MS = 500
JOB_THREADS = 4


class RunDriver(Middleware):
    """Drives runs in each worker process from its start until Dramatiq shuts it down."""

    def after_process_boot(self, broker: Any) -> None:
        collect_seldom()
        start_driver()

    def before_worker_shutdown(self, broker: Any, worker: Worker) -> None:
        stop_driver(STOP_SECONDS)


class Embedded:
    """The driver, the job worker and the clock as threads of this process."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._broker = get_broker()
        self._worker = Worker(
            self._broker, worker_timeout=WORKER_TIMEOUT_MS, worker_threads=JOB_THREADS
        )
        self._clock = threading.Thread(target=run_clock, args=(self._stopped,), name="clock")

    def start(self) -> None:
        collect_seldom()
        start_driver()
        # Dramatiq's command line emits this; without it the time limit of jobs has no effect.
        self._broker.emit_after("process_boot")
        self._worker.start()
        self._clock.start()

    def stop(self) -> None:
        """Stop all three at once, so that together they take no longer than the slowest."""
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

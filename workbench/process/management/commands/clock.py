"""manage.py clock: run the tasks of the clock. One process or several."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from workbench.dispatch.clock import run_clock
from workbench.process.database import refuse_if_behind, refuse_without_keys
from workbench.process.memory import collect_seldom
from workbench.process.packages import refuse_if_broken

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}


class Command(BaseCommand):
    help = (
        "Do what is due: fire timers, take over from dead workers, resend lost messages, send "
        "reminders, seal the audit ledger."
    )
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
        refuse_if_broken()
        refuse_if_behind()
        refuse_without_keys()
        collect_seldom()
        # Blocked before the threads start, so that this thread alone receives them.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        stopped = threading.Event()
        clock = threading.Thread(target=run_clock, args=(stopped,), name="clock")
        clock.start()
        self.stdout.write("The clock runs.")
        self.stdout.flush()
        signal.sigwait(STOP_SIGNALS)
        stopped.set()
        clock.join()

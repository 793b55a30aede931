"""manage.py load_demo: people, queues, the consumer loan flow and applications under way."""

import secrets
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from examples.consumer_loan.generate import applications
from flows.models import Flow
from flows.services import NewRun, start_runs
from reviews.management.demo.accounts import ACTOR, check_names, load_people, write_accounts
from reviews.management.demo.history import load_history
from reviews.management.demo.work import QUEUES, load_flow, load_queues

ACCOUNTS_FILE = "demo-accounts.txt"
SEED = 7


class Command(BaseCommand):
    help = (
        "Load the demo: people for each role, the templates' queues, the flow consumer-loan and "
        "generated applications. Loading it again adds what is missing and changes nothing else."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=40, help="Applications to start.")
        parser.add_argument(
            "--history", type=int, default=0, help="Past applications, decided long ago."
        )
        parser.add_argument(
            "--queues-only",
            action="store_true",
            help="Only the queues of the templates and the SLA policy standard.",
        )

    def handle(
        self, *, runs: int, history: int = 0, queues_only: bool = False, **options: Any
    ) -> None:
        now = timezone.now()
        if queues_only:
            load_queues(now)
            self.stdout.write(f"There are the queues {', '.join(name for name, *_ in QUEUES)}.")
            return
        check_names()
        accounts = settings.VAR_DIR / ACCOUNTS_FILE
        # Chosen anew if the file is lost: only a digest of the old one is stored.
        password = None if accounts.exists() else secrets.token_urlsafe(9)
        with transaction.atomic():
            load_people(password or secrets.token_urlsafe(9), reset=password is not None, now=now)
            load_queues(now)
            flow = load_flow(now)
            load_history(flow=flow, count=history, now=now, actor=ACTOR)
            _start_runs(flow, runs, now)
        if password:
            write_accounts(accounts, password)
        self.stdout.write(f"The demo is loaded: {runs} applications, accounts in {accounts}.")


def _start_runs(flow: Flow, count: int, now: datetime) -> None:
    new = [
        NewRun(application, f"demo-{number:04d}")
        for number, application in enumerate(applications(count, SEED), 1)
    ]
    start_runs(flow=flow, runs=new, actor=ACTOR, now=now, trigger="demo")

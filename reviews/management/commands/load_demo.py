"""manage.py load_demo: people, queues, the consumer loan flow and applications under way."""

import secrets
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from examples.consumer_loan.generate import applications
from flows.graph.codec import parse
from flows.models import Flow
from flows.services import NewRun, create_flow, publish_version, start_runs
from reviews.management.demo_history import load_history
from reviews.models import BreachAction, Queue, SlaPolicy
from reviews.settings.services.queues import create_queue
from reviews.settings.services.sla import create_sla_policy
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.people.services import add_person, grant_role

ACTOR = Actor.system("demo", "command")
ACCOUNTS_FILE = "demo-accounts.txt"
# Marks the demo's own people, so that nobody else's password is ever touched.
DOMAIN = "demo.example"
PEOPLE = (
    ("designer", "Demo designer", Role.DESIGNER, "draws, tests and publishes flows"),
    ("reviewer", "Demo reviewer", Role.REVIEWER, "decides cases"),
    ("reviewer2", "Demo reviewer two", Role.REVIEWER, "decides cases"),
    ("lead", "Demo lead", Role.LEAD, "watches the queue, assigns, decides"),
    ("auditor", "Demo auditor", Role.AUDITOR, "proves who decided what"),
    ("operator", "Demo operator", Role.OPERATOR, "keeps runs moving"),
    ("admin", "Demo admin", Role.ADMIN, "manages people and roles"),
)
# One for each flow under examples/ that a designer may start from.
QUEUES = (
    ("underwriting", "Underwriting", "Loan applications that policy alone does not decide."),
    ("support", "Support", "Customers' requests that want an agent's answer."),
    ("intake", "Document intake", "Documents to compare with what was read from them."),
    ("claims", "Claims", "Insurance claims that an adjuster decides."),
    ("moderation", "Moderation", "Posts that a moderator judges."),
)
FLOW_FILE = Path("examples") / "consumer_loan" / "flow.yaml"
OFFICE_HOURS = [["08:00", "18:00"]]
CALENDAR = {
    "name": "office-hours",
    "time_zone": "Europe/Berlin",
    "hours": dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE_HOURS),
    "country": "DE",
}
SLA_STEPS = (
    {"act": "warn", "after_minutes": 240},
    {"act": "remind", "after_minutes": 300, "to": "holder"},
    {"act": "escalate", "after_minutes": 420, "to": "lead"},
)
DUE_MINUTES = 480
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
        refuse_strangers()
        accounts = settings.VAR_DIR / ACCOUNTS_FILE
        # Chosen anew where the file is lost: only a digest of the old one is kept.
        password = None if accounts.exists() else secrets.token_urlsafe(9)
        with transaction.atomic():
            load_people(password or secrets.token_urlsafe(9), reset=password is not None, now=now)
            load_queues(now)
            flow = load_flow(now)
            load_history(flow=flow, count=history, now=now, actor=ACTOR)
            new = [
                NewRun(application, f"demo-{number:04d}")
                for number, application in enumerate(applications(runs, SEED), 1)
            ]
            start_runs(flow=flow, runs=new, actor=ACTOR, now=now, trigger="demo")
        if password:
            write_accounts(accounts, password)
        self.stdout.write(f"The demo is loaded: {runs} applications, accounts in {accounts}.")


def refuse_strangers() -> None:
    """Raises CommandError if a person of the installation has one of the demo's names."""
    names = [name for name, *_ in PEOPLE]
    others = User.objects.filter(username__in=names).exclude(email__endswith=f"@{DOMAIN}")
    if taken := sorted(others.values_list("username", flat=True)):
        raise CommandError(
            f"There is already a person named {', '.join(taken)}, who is not of the demo. "
            "Load the demo into an installation of its own: set COUNTERSIGN_VAR or DATABASE_URL."
        )


def load_people(password: str, *, reset: bool, now: datetime) -> None:
    """Add who is missing. One password for all, so that changing roles is quick to try."""
    # Hashed once: it is slow on purpose, and all have the same password anyway.
    hashed = make_password(password)
    for name, title, role, _ in PEOPLE:
        user = User.objects.filter(username=name).first()
        is_new = user is None
        if user is None:
            user, _ = add_person(
                username=name,
                display_name=title,
                email=f"{name}@{DOMAIN}",
                actor=ACTOR,
                now=now,
            )
        if is_new or reset:
            user.password = hashed
            user.save(update_fields=["password"])
        grant_role(user=user, role=role, actor=ACTOR, now=now)


def load_queues(now: datetime) -> None:
    known = set(Queue.objects.values_list("name", flat=True))
    for name, title, description in QUEUES:
        if name not in known:
            create_queue(name=name, title=title, description=description, actor=ACTOR, now=now)
    if SlaPolicy.objects.filter(name="standard").exists():
        return
    create_sla_policy(
        name="standard",
        title="Within one working day",
        calendar=CALENDAR,
        due_minutes=DUE_MINUTES,
        steps=SLA_STEPS,
        breach=BreachAction.RAISE_PRIORITY,
        queue=Queue.objects.get(name=QUEUES[0][0]),
        actor=ACTOR,
        now=now,
    )


def load_flow(now: datetime) -> Flow:
    document = parse((settings.BASE_DIR / FLOW_FILE).read_text())
    flow = Flow.objects.filter(name=document.name).first()
    designer = User.objects.get(username="designer")
    if flow is None:
        flow = create_flow(
            name=document.name,
            title=document.title,
            document=document,
            author=designer,
            actor=ACTOR,
            now=now,
        )
    if flow.released_id is None:
        publish_version(
            flow_id=flow.pk,
            note="The first version, with cutoffs measured on unseen applications",
            author=designer,
            actor=ACTOR,
            now=now,
        )
        flow.refresh_from_db()
    return flow


def write_accounts(path: Path, password: str) -> None:
    """Keep the accounts for `serve` to print, readable by their owner alone."""
    width = max(len(name) for name, *_ in PEOPLE)
    lines = [f"  {name:<{width}}  {what}" for name, _, _, what in PEOPLE]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"Demo accounts, all with the password {password}\n" + "\n".join(lines) + "\n")

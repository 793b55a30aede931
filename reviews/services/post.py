"""Collect the notices, mails and calls of one transaction, and write them in a few statements."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reviews.models import Case
from reviews.models.notices import KINDS_FOR_DESTINATIONS, Destination, Notice
from workbench.accounts.models import User
from workbench.accounts.permissions import can
from workbench.dispatch.outbox import enqueue_many
from workbench.live import nudge_on_commit

MAIL_JOB = "reviews.send_notice"
DESTINATION_JOB = "reviews.send_to_destination"
SAID_MAX = 500


@dataclass
class Post:
    """The notices of one transaction. People and destinations are read once for all its cases."""

    now: datetime
    notices: list[Notice] = field(default_factory=list)
    jobs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _leads: list[User] | None = None
    _destinations: list[Destination] | None = None
    _named: dict[str, User | None] = field(default_factory=dict)

    def tell(
        self, case: Case, people: Iterable[User], kind: str, *, said: str = "", by: str = ""
    ) -> list[str]:
        """Notify those of the people who may see the case; return their names."""
        told = []
        for person in people:
            if not can(person, "cases.view", flow=case.flow, queue=case.queue.name):
                continue
            told.append(person.label)
            self.notices.append(
                Notice(person=person, case=case, kind=kind, by=by[:150], said=said[:SAID_MAX],
                       at=self.now)
            )  # fmt: skip
            if person.email:
                args = {"case": case.pk, "user": person.pk, "kind": kind, "said": said, "by": by}
                self.jobs.append((MAIL_JOB, args))
        return told

    def tell_leads(self, case: Case, kind: str, *, said: str = "", by: str = "") -> list[str]:
        """Notify the team leads of the case's queue; return their names."""
        if self._leads is None:
            leads = User.objects.filter(is_active=True, grants__role="lead").distinct()
            self._leads = list(leads.order_by("pk"))
        leads_here = [
            lead
            for lead in self._leads
            if can(lead, "cases.assign", flow=case.flow, queue=case.queue.name)
        ]
        return self.tell(case, leads_here, kind, said=said, by=by)

    def tell_person(self, case: Case, username: str, kind: str) -> list[str]:
        """Notify the person of that username, if active; return their name in a list."""
        if username not in self._named:
            self._named[username] = User.objects.filter(username=username, is_active=True).first()
        person = self._named[username]
        return self.tell(case, [person], kind) if person else []

    def tell_destinations(self, case: Case, kind: str) -> None:
        """Notify each webhook and chat that listens to this kind of notice for the queue."""
        if self._destinations is None:
            self._destinations = list(Destination.objects.filter(enabled=True).order_by("pk"))
        for each in self._destinations:
            if kind in each.kinds and kind in KINDS_FOR_DESTINATIONS and each.queue_id in {
                None, case.queue_id
            }:  # fmt: skip
                args = {"destination": each.pk, "case": case.pk, "kind": kind}
                self.jobs.append((DESTINATION_JOB, args))

    def write(self) -> None:
        """Write all that was collected, in the caller's transaction."""
        Notice.objects.bulk_create(self.notices, batch_size=100)
        enqueue_many(self.jobs, now=self.now)
        for person in {notice.person_id for notice in self.notices}:
            nudge_on_commit([f"user.{person}"], {"notices": True})
        self.notices, self.jobs = [], []

"""Where cases wait and by which rules: queues, SLA policies, calendars, reviewers."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

Person = settings.AUTH_USER_MODEL


class WorkCalendar(models.Model):
    """When people work. ``hours``: by weekday, ``[["09:00", "17:00"]]``; ``closed``: extra days."""

    name = models.SlugField(max_length=80, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    hours = models.JSONField(default=dict)
    country = models.CharField(max_length=2, blank=True, default="")
    subdivision = models.CharField(max_length=10, blank=True, default="")
    closed = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, Any]:
        """Return the form that reviews.rules.sla.read_calendar reads."""
        return {
            "name": self.name,
            "time_zone": self.time_zone,
            "hours": self.hours,
            "country": self.country,
            "subdivision": self.subdivision,
            "closed": self.closed,
        }


class BreachAction(models.TextChoices):
    REASSIGN = "reassign", "Take it back to the queue"
    RAISE_PRIORITY = "raise_priority", "Make it urgent"
    EXPIRE = "expire", "End the wait by port expired"


class SlaPolicy(models.Model):
    """A promise in working minutes. ``steps``: ``[{"act": "warn"|"remind"|"escalate",
    "after_minutes": 240, "to": "lead"}]``, counted from the opening of the case.

    ``to``: ``holder``, ``lead``, ``person:<username>``, of an escalation also ``queue:<name>``.
    Several escalations are a chain, each a level above the one before.
    """

    name = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="policies")
    due_minutes = models.PositiveIntegerField()
    steps = models.JSONField(default=list, blank=True)
    breach = models.CharField(
        max_length=16, choices=BreachAction.choices, default=BreachAction.RAISE_PRIORITY
    )

    class Meta:
        constraints = [
            # Silence is never an approval: there is no such action, and none can be written.
            models.CheckConstraint(
                condition=Q(breach__in=BreachAction.values), name="sla_breach_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, Any]:
        """Return the form that reviews.rules.sla.read_plan reads."""
        return {
            "policy": self.name,
            "due_minutes": self.due_minutes,
            "steps": self.steps,
            "breach": self.breach,
            "calendar": self.calendar.snapshot(),
        }


class Queue(models.Model):
    """Where cases wait. ``ordering``: the weights of reviews.rules.ordering. ``authority``: the
    rows of reviews.rules.authority. ``skills``: what claiming and deciding need besides the role.
    ``access``: the further rules of reviews.rules.access, by act.
    """

    name = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True, default="")
    ordering = models.JSONField(default=dict, blank=True)
    authority = models.JSONField(default=list, blank=True)
    skills = models.JSONField(default=list, blank=True)
    access = models.JSONField(default=dict, blank=True)
    lease_seconds = models.PositiveIntegerField(default=900)
    commit_window_seconds = models.PositiveIntegerField(default=5)
    work_limit = models.PositiveSmallIntegerField(
        default=0, help_text="Most cases one person may hold; 0 is no limit."
    )
    familiar_minutes = models.PositiveIntegerField(
        default=60,
        help_text="How long a returned case is kept for who worked on it before; 0: not at all.",
    )
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Reviewer(models.Model):
    """What a person may decide and takes on, beyond the role."""

    user = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="reviewer")
    level = models.PositiveSmallIntegerField(default=1)
    skills = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return f"Reviewer {self.user_id}"

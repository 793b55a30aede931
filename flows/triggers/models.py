"""Triggers and their firings."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from flows.engine.lanes import Lane
from flows.models import DocumentField, Flow


class TriggerKind(models.TextChoices):
    WEBHOOK = "webhook", "Webhook"
    SCHEDULE = "schedule", "Schedule"
    EVENT = "event", "Event"
    FLOW = "flow", "Another flow"


class Trigger(models.Model):
    """What starts runs of a flow. ``input`` is the template for the run's input."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="triggers")
    kind = models.CharField(max_length=10, choices=TriggerKind.choices)
    title = models.CharField(max_length=120)
    config = DocumentField(default=dict)
    input = DocumentField(default=dict)
    enabled = models.BooleanField(default=True)
    public_id = models.UUIDField(default=uuid4, unique=True, help_text="A webhook's address.")
    secret_name = models.CharField(max_length=120, blank=True, default="")
    listens_to = models.CharField(
        max_length=120, blank=True, default="", help_text="The event or the flow it hears."
    )
    listens_from = models.DateTimeField(help_text="What ended before is not heard.")
    next_at = models.DateTimeField(null=True, help_text="A schedule's next instant.")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=TriggerKind.values), name="trigger_kind_known"
            )
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(enabled=True), name="trigger_next"),
            models.Index(
                fields=["kind", "listens_to"], condition=Q(enabled=True), name="trigger_listens"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"

    @property
    def lane(self) -> Lane | None:
        """The lane of the runs it starts, None for the flow's."""
        named = self.config.get("lane")
        return Lane(named) if named else None


class FiringOutcome(models.TextChoices):
    STARTED = "started"
    REFUSED = "refused"  # no run was started; the error says why
    SKIPPED = "skipped"  # missed instants that the policy leaves out


class Firing(models.Model):
    """One firing of a trigger. By its key, the same cause starts one run only."""

    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="firings")
    key = models.CharField(max_length=200, null=True)  # noqa: DJ001 - NULL is "none" in the unique constraint
    outcome = models.CharField(max_length=10, choices=FiringOutcome.choices)
    run_id = models.BigIntegerField(null=True)
    depth = models.PositiveSmallIntegerField(
        default=0, help_text="How many flows started one another before it."
    )
    due_at = models.DateTimeField(null=True, help_text="The instant a schedule meant.")
    error = models.TextField(blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trigger", "key"], name="firing_once_a_key")]
        indexes = [
            models.Index(fields=["trigger", "-id"], name="firing_newest"),
            models.Index(fields=["run_id"], name="firing_by_run"),
            models.Index(fields=["at"], name="firing_at"),
        ]

from django.db import models
from django.db.models import Q


class Outbox(models.Model):
    """A job to be done. The row is deleted when its handler has returned.

    ``attempts`` rises with each claim, so that a delivery which lost its claim can tell. While one
    runs, ``due_at`` is when its lease ends. ``ring_at`` is when the clock sends the message again.
    ``claimed_by`` is the process that delivers it, as ``host:pid``.
    """

    job = models.CharField(max_length=80)
    args = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Not to be delivered before.")
    ring_at = models.DateTimeField(help_text="When the clock rings a worker.")
    claimed_at = models.DateTimeField(null=True)
    claimed_by = models.CharField(max_length=120, blank=True, default="", db_default="")
    last_error = models.TextField(blank=True, default="")
    dead_at = models.DateTimeField(null=True, help_text="Given up after too many attempts.")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["ring_at"], condition=Q(dead_at=None), name="outbox_ring"),
            models.Index(
                fields=["dead_at"], condition=Q(dead_at__isnull=False), name="outbox_dead"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.pk}"


class SetAside(models.Model):
    """A row that a clock task could not do: why, how often it failed, and when it is tried again.

    ``key`` is the row's primary key, or what the task calls it. Deleted when the row succeeds.
    """

    task = models.CharField(max_length=80)
    key = models.CharField(max_length=120)
    cause = models.CharField(max_length=500)
    failures = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    retry_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "key"], name="set_aside_once_a_row"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.key}: {self.cause}"

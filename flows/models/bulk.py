"""Acts on many runs at once."""

from django.db import models
from django.db.models import Q


class BulkStatus(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"  # by hand, before it was through


class BulkAct(models.Model):
    """One act on many runs, worked off in chunks. ``after`` is the last run that was looked at.

    ``filters``, ``options`` and ``within`` are what services.bulk reads back; ``refusals`` holds
    the first of them as ``[run id, reason]``.
    """

    act = models.CharField(max_length=12)
    status = models.CharField(max_length=10, choices=BulkStatus.choices, default=BulkStatus.RUNNING)
    filters = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    within = models.JSONField(default=dict, help_text="Where its actor might do it.")
    actor = models.JSONField(default=dict)
    matched = models.PositiveIntegerField(default=0)
    is_exact = models.BooleanField(default=True, help_text="Whether no more can have matched.")
    after = models.BigIntegerField(default=0)
    up_to = models.BigIntegerField()
    done = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    refusals = models.JSONField(default=list)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=BulkStatus.values), name="bulk_act_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.pk}"

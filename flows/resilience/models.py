"""Breakers by destination; limits by scope, their slots and their reservations."""

from django.db import models
from django.db.models import Q


class BreakerState(models.TextChoices):
    CLOSED = "closed"  # calls are made
    OPEN = "open"  # none is made before retry_at
    HALF_OPEN = "half_open"  # one probe is under way; after retry_at it counts as lost


class Breaker(models.Model):
    """The state of a destination that has failed. One that never failed has no row.

    closed ──failures in a row──► open ──retry_at──► half_open ──the probe succeeds──► closed
                                   ▲                     │
                                   └──the probe fails────┘
    """

    destination = models.CharField(max_length=200, unique=True)
    state = models.CharField(
        max_length=10, choices=BreakerState.choices, default=BreakerState.CLOSED
    )
    failures = models.PositiveIntegerField(default=0, help_text="In a row, while closed.")
    openings = models.PositiveIntegerField(default=0, help_text="In a row; the pause grows by it.")
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True, help_text="When a probe may go.")
    failed_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=BreakerState.values), name="breaker_state_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.destination}: {self.state}"


class LimitClock(models.Model):
    """The row that is locked for a limit, with its two clocks."""

    scope = models.CharField(max_length=200, unique=True)
    next_at = models.DateTimeField(help_text="When the next activation may begin.")
    poll_at = models.DateTimeField(help_text="When the last that waits for a slot looks again.")

    def __str__(self) -> str:
        return self.scope


class Slot(models.Model):
    """A slot of a concurrency limit that an activation holds.

    It counts only while its token runs under this fence and activation: a finish, a take-over and
    a cancel free it by what they write to the token.
    """

    scope = models.CharField(max_length=200)
    token_id = models.BigIntegerField()
    activation = models.IntegerField()
    fence = models.IntegerField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "token_id"], name="slot_once_a_token")
        ]


class Reservation(models.Model):
    """The instant at which a deferred activation may begin under a rate limit."""

    scope = models.CharField(max_length=200)
    token_id = models.BigIntegerField()
    activation = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "token_id", "activation"], name="reservation_once"
            )
        ]
        indexes = [models.Index(fields=["at"], name="reservation_at")]

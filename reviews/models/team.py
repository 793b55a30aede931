"""What a team shares: who is away and who covers, who delegated what, lists kept by name."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

Person = settings.AUTH_USER_MODEL


class Absence(models.Model):
    """A time in which a person does not decide, and who gets their cases meanwhile.

    ``started_at``: when their cases were handed over. ``ended_at``: when it was ended early or
    called off; its dates then no longer hold.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="absences")
    cover = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="covers"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True, default="")
    planned_by = models.CharField(max_length=150)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "team"
        constraints = [
            models.CheckConstraint(
                condition=Q(cover=None) | ~Q(cover=F("person")), name="absence_not_own_cover"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="absence_has_length"
            ),
        ]
        indexes = [
            models.Index(fields=["person", "ends_at"], condition=Q(ended_at=None),
                         name="absence_of_a_person"),
            models.Index(fields=["starts_at"], condition=Q(started_at=None, ended_at=None),
                         name="absence_to_start"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Absence {self.pk}"

    def state(self, now: datetime) -> str:
        """Return ``planned``, ``away`` or ``over``."""
        if self.ended_at is not None or self.ends_at <= now:
            return "over"
        return "away" if self.starts_at <= now else "planned"


class Delegation(models.Model):
    """Who passed a case to whom. Who delegated a case does not decide it any more."""

    case = models.ForeignKey("reviews.Case", on_delete=models.CASCADE, related_name="delegations")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    to = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        app_label = "team"
        constraints = [
            models.UniqueConstraint(fields=["case", "by"], name="delegation_once_a_person"),
            models.CheckConstraint(condition=~Q(to=F("by")), name="delegation_to_another"),
        ]

    def __str__(self) -> str:
        return f"Delegation {self.pk}"


class SavedView(models.Model):
    """A list of a queue's cases, kept by name. ``filters`` is what reviews.rules.filters reads.

    A shared one is there for all who see the queue; only its owner changes it.
    """

    queue = models.ForeignKey("reviews.Queue", on_delete=models.CASCADE, related_name="views")
    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    shared = models.BooleanField(default=False)
    filters = models.JSONField(default=dict)
    saved_at = models.DateTimeField()

    class Meta:
        app_label = "team"
        constraints = [
            models.UniqueConstraint(
                fields=["queue", "owner", "name"], name="saved_view_once_a_person"
            ),
        ]

    def __str__(self) -> str:
        return self.name

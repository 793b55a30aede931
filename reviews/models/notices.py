"""Notices to people, and the destinations that get them too."""

from django.conf import settings
from django.db import models
from django.db.models import Q

Person = settings.AUTH_USER_MODEL


class Kind(models.TextChoices):
    """What a notice is about. Destinations get the first four."""

    WARNED = "warned", "Due soon"
    REMINDER = "reminder", "Reminder"
    ESCALATED = "escalated", "Escalated"
    BREACHED = "breached", "Overdue"
    MENTIONED = "mentioned", "Mentioned"
    ANSWERED = "answered", "Answer received"
    ASSIGNED = "assigned", "Assigned to you"
    DELEGATED = "delegated", "Delegated to you"
    COVERED = "covered", "Yours while a colleague is away"
    BUDGET = "budget", "Budget"
    DRIFT = "drift", "Data"


KINDS_FOR_DESTINATIONS = (Kind.WARNED, Kind.REMINDER, Kind.ESCALATED, Kind.BREACHED)


class Notice(models.Model):
    """A notice to a person. ``by`` is who caused it, ``said`` the text that they wrote.

    One that is about no case has a title, the path of the page that shows more, and the permission
    without which it is not shown.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notices")
    case = models.ForeignKey("reviews.Case", null=True, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=200, blank=True, default="", db_default="")
    path = models.CharField(max_length=200, blank=True, default="", db_default="")
    permission = models.CharField(max_length=40, blank=True, default="", db_default="")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    by = models.CharField(max_length=150, blank=True, default="")
    said = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "notices"
        indexes = [
            models.Index(fields=["person", "-id"], name="notice_of_a_person"),
            models.Index(fields=["person"], condition=Q(read_at=None), name="notice_unread"),
        ]

    def __str__(self) -> str:
        return f"Notice {self.pk}"


class DestinationKind(models.TextChoices):
    WEBHOOK = "webhook", "Webhook"
    CHAT = "chat", "Chat"


class Destination(models.Model):
    """Where notices go besides people: a signed webhook, or a chat.

    ``address``: the webhook's URL; a chat's address is a secret. ``secret`` names the secret that
    holds the signing key (``whsec_…``), or the address of the chat's
    incoming webhook. ``queue`` None: of all queues.
    ``last_error`` is why the last delivery failed, empty if it did not.
    """

    name = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=DestinationKind.choices)
    address = models.URLField(max_length=500, blank=True, default="")
    secret = models.CharField(max_length=120)
    kinds = models.JSONField(default=list)
    queue = models.ForeignKey(
        "reviews.Queue", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    enabled = models.BooleanField(default=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    last_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "notices"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=DestinationKind.values), name="destination_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

"""People, what they may do, and the tokens by which their programs act."""

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class User(AbstractUser):
    """A person who signs in. Their roles are granted by ``RoleGrant``."""

    display_name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    # Null while the first-run tour is still to be shown.
    tour_ended_at = models.DateTimeField(null=True, blank=True)

    @property
    def label(self) -> str:
        """The name to show: the display name, else the full name, else the user name."""
        return self.display_name or self.get_full_name() or self.username


class Role(models.TextChoices):
    DESIGNER = "designer"
    REVIEWER = "reviewer"
    LEAD = "lead", "Team lead"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"


class RoleGrant(models.Model):
    """A role that a person holds: on one flow, on one queue, on both together, or everywhere."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=12, choices=Role.choices)
    flow_name = models.CharField(max_length=80, blank=True, default="")
    queue_name = models.CharField(max_length=80, blank=True, default="")
    granted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "flow_name", "queue_name"], name="role_granted_once"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_known"),
        ]

    def __str__(self) -> str:
        scope = [
            self.flow_name and f"flow {self.flow_name}",
            self.queue_name and f"queue {self.queue_name}",
        ]
        where = " and ".join(part for part in scope if part) or "everywhere"
        return f"{self.role} ({where})"


class ApiToken(models.Model):
    """A secret with which a program acts for its user, within ``scopes`` (names of permissions).

    Only the SHA-256 of the secret is kept, and its first characters in ``start``, by which the
    owner recognises it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    start = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"

    def state(self, now: datetime) -> str:
        """Return ``revoked``, ``expired`` or ``active``."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active"


class IdempotentRequest(models.Model):
    """A POST that named an ``Idempotency-Key``, and its answer once there is one.

    ``status`` is null until the first request is answered. Pruned after 48 hours.
    """

    principal = models.CharField(max_length=40, help_text="user:12 or token:7")
    key = models.CharField(max_length=200)
    route = models.CharField(max_length=300)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=80, default="")
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "key", "route"], name="idempotency_key"),
        ]

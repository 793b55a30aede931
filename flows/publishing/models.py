from django.conf import settings
from django.db import models
from django.db.models import F, Q

from flows.models import Flow


class RequestState(models.TextChoices):
    """open -> approved | refused | withdrawn"""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PublishRequest(models.Model):
    """A request to publish the draft as it was at ``draft_revision``: no other one is published.

    ``draft_digest`` is empty in requests from before there was one.
    """

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="publish_requests")
    draft_revision = models.PositiveIntegerField()
    draft_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    note = models.TextField()
    release = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.OPEN)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField()
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values), name="publish_request_state_known"
            ),
            models.UniqueConstraint(
                fields=["flow"], condition=Q(state="open"), name="one_open_publish_request"
            ),
            # The database enforces it too: nobody approves their own request.
            models.CheckConstraint(
                condition=~Q(state="approved") | ~Q(answered_by=F("requested_by")),
                name="publish_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id} revision {self.draft_revision}: {self.state}"

"""The links that were sent, to decide a case or to answer a question."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

Person = settings.AUTH_USER_MODEL


class Purpose(models.TextChoices):
    DECIDE = "decide", "decide"
    REPLY = "reply", "answer a question"


class CaseLink(models.Model):
    """A link works once, until ``expires_at``, and to decide only at the case's ``revision``.

    ``person`` None: anyone with the right to decide (a chat), or whoever was asked (a reply).
    ``asked`` is the question that a reply answers.
    """

    case = models.ForeignKey("reviews.Case", on_delete=models.CASCADE, related_name="links")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    person = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    asked = models.ForeignKey(
        "reviews.InformationRequest", null=True, blank=True, on_delete=models.CASCADE,
        related_name="links",
    )  # fmt: skip
    revision = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "links"
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=Purpose.values), name="case_link_purpose_known"
            ),
            models.CheckConstraint(
                condition=Q(purpose="decide", asked=None) | Q(purpose="reply", asked__isnull=False),
                name="case_link_reply_has_its_question",
            ),
        ]

    def __str__(self) -> str:
        return f"Link {self.pk} to {self.get_purpose_display()} case {self.case_id}"

    def is_open(self, now: datetime) -> bool:
        return self.used_at is None and self.expires_at > now

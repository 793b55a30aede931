"""Who has a part in a case: who asked for it, who edited it, who decided what it must check."""

from django.conf import settings
from django.db import models
from django.db.models import Q

Person = settings.AUTH_USER_MODEL


class Part(models.TextChoices):
    REQUESTED = "requested", "Asked for it"
    EDITED = "edited", "Edited it"
    DECIDED = "decided", "Decided an earlier step"


class CaseParty(models.Model):
    """A person's part in a case. Rights are judged by these rows and never by a name.

    ``proved`` False: nobody signed in for it; a name or an address says that it was this person,
    or they had the link by which it was done. ``how`` says where it is known from. ``at`` is the
    last time, so that an approval before an edit is known to be one of something else.
    """

    case = models.ForeignKey(
        "reviews.Case", on_delete=models.CASCADE, related_name="parties", db_index=False
    )
    user = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    part = models.CharField(max_length=9, choices=Part.choices)
    proved = models.BooleanField(default=True)
    how = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "user", "part"], name="case_party_once"),
            models.CheckConstraint(condition=Q(part__in=Part.values), name="case_part_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.part} case {self.case_id}"

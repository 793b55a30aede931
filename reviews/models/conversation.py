"""What is said and seen about a case: questions, comments, files, looks, and its history."""

from django.db import models
from django.db.models import Q

from reviews.models.cases import Case, Person


class InformationRequest(models.Model):
    """A question to someone outside the queue. The SLA's clock stands until it is answered.

    ``fields`` are the keys of the values that whoever answers may correct, ``changes`` those that
    they corrected, with the new values.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="information_requests")
    question = models.TextField()
    asked_of = models.EmailField(blank=True, default="")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    fields = models.JSONField(default=list)
    answer = models.TextField(blank=True, default="")
    changes = models.JSONField(default=dict)
    answered_by = models.CharField(max_length=150, blank=True, default="")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(answered_at=None), name="information_one_open"
            ),
        ]


class Comment(models.Model):
    """What people say to one another about a case. ``mentions`` are usernames."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    body = models.TextField()
    mentions = models.JSONField(default=list)
    at = models.DateTimeField()


class Attachment(models.Model):
    """A file that someone added to the case with a comment. ``digest`` names its artifact."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="attachments")
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="attachments")
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class CaseLook(models.Model):
    """What a person saw of a case when they last opened it, to mark what has changed since.

    ``fields`` are the values by key. ``before`` are those of the look before, kept while the case
    is open in front of the person, so that a reload does not hide the marks.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="looks")
    user = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField()
    fields = models.JSONField(default=dict)
    before = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "user"], name="case_look_of_a_person"),
        ]


class CaseEvent(models.Model):
    """One line of a case's history. ``kind`` is past tense, ``actor`` the name to show."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=200, blank=True, default="")
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["case", "id"], name="case_event_order")]


class Serving(models.Model):
    """What the server first gave to a person, and when: the case ("" as ``evidence``), or a file.

    Rows are only ever added: a decision is measured by them.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="servings")
    user = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    evidence = models.CharField(max_length=80, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "user", "evidence"], name="served_first"),
        ]

"""Flows: their drafts, the edits of these, their versions, and what publishing demands."""

from typing import Any

from django.conf import settings
from django.db import models
from psycopg.types.json import Json


class DocumentField(models.JSONField):
    """JSON that keeps the order of its keys. PostgreSQL's jsonb sorts them; its json does not."""

    def db_type(self, connection: Any) -> str | None:
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if connection.vendor != "postgresql" or value is None:
            return super().get_db_prep_value(value, connection, prepared)
        return Json(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        # The driver reads json by itself; only jsonb is left to Django.
        if not isinstance(value, str):
            return value
        return super().from_db_value(value, expression, connection)


class Flow(models.Model):
    """A named definition with a history: one editable draft, many versions, one release."""

    name = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=200)
    draft = DocumentField(default=dict)
    draft_revision = models.PositiveIntegerField(default=0)
    released = models.ForeignKey(
        "FlowVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    paused_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class WholeVersions(models.Manager["FlowVersion"]):
    """The versions of flows, without the parts that some of their steps are made of."""

    def get_queryset(self) -> models.QuerySet["FlowVersion"]:
        return super().get_queryset().filter(part="")


class FlowVersion(models.Model):
    """An immutable, numbered publication of a draft.

    With ``part`` it is the document that the step of that id is made of (an agent), which belongs
    to the version of the same number.
    """

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    part = models.CharField(max_length=80, blank=True, default="", db_default="")
    document = DocumentField()
    pins = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()),
        help_text="The version of each asset that it uses.",
    )  # fmt: skip
    digest = models.CharField(max_length=64)
    note = models.TextField(blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    published_at = models.DateTimeField()

    objects = WholeVersions()
    with_parts = models.Manager["FlowVersion"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["flow", "number", "part"], name="flow_version_number_part"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id}@{self.number}"


class DraftOperation(models.Model):
    """One edit of a draft, in the order the server applied it, with the edit that undoes it."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="operations")
    revision = models.PositiveIntegerField()
    client_id = models.CharField(max_length=64)
    operation = DocumentField()
    inverse = DocumentField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow", "revision"], name="draft_operation_revision"),
            # A client that resends after a lost acknowledgement must not apply twice.
            models.UniqueConstraint(fields=["flow", "client_id"], name="draft_operation_client_id"),
        ]


class PublishRule(models.Model):
    """What a flow demands of publishing. A flow without a row demands nothing more."""

    flow = models.OneToOneField(Flow, on_delete=models.CASCADE, related_name="publish_rule")
    second_person = models.BooleanField(default=False)

    class Meta:
        app_label = "publishing"  # where its table was made

    def __str__(self) -> str:
        return f"{self.flow_id}: second person {self.second_person}"

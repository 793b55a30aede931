"""What serves all flows: workers, stored payloads, and the events that runs wait for."""

from django.conf import settings
from django.db import models


class Worker(models.Model):
    """A process that drives runs. One that stops beating loses what it holds."""

    name = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    draining = models.BooleanField(default=False)
    riders = models.IntegerField(default=0)


class Artifact(models.Model):
    """A stored payload, addressed by its content.

    How it is called says who gave it: two people may give the same content by different names.
    """

    digest = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    path = models.CharField(max_length=300)
    created_at = models.DateTimeField()


class Labelled(models.Model):
    """Who has an artifact, with the name and media type that it has for them, "" if not said."""

    name = models.CharField(max_length=200, blank=True, default="", db_default="")
    media_type = models.CharField(max_length=120, blank=True, default="", db_default="")

    class Meta:
        abstract = True


class RunArtifact(Labelled):
    """A run holds an artifact: it was given to it, or one of its steps stored it.

    Naming a digest gives nothing: whoever may see a run may read what it holds, and nothing else.
    """

    run = models.ForeignKey(
        "flows.Run",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="held_artifacts",
    )
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="holders")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "artifact"], name="run_holds_artifact_once"),
        ]


class ArtifactUpload(Labelled):
    """A person uploaded an artifact, so that they may give it to runs."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="uploads")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "artifact"], name="artifact_upload_once"),
        ]


class Event(models.Model):
    """Something that happened and that runs may wait for, stored for those that wait later.

    ``artifacts`` are the digests that its sender could pass on, for whoever hears it; ``labels``
    what the sender calls them: ``{digest: [name, media type]}``.
    ``requested_by`` are the ids of the users behind it: of the person who sent it, or of those who
    asked for the run that emitted it.
    """

    artifacts = models.JSONField(default=list)
    labels = models.JSONField(default=dict, db_default={})
    name = models.CharField(max_length=120)
    key = models.CharField(max_length=200, blank=True, default="")
    event_id = models.CharField(max_length=200, unique=True)
    payload = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    requested_by = models.JSONField(default=list, db_default=[], help_text="Ids of users.")

    class Meta:
        indexes = [models.Index(fields=["name", "key", "received_at"], name="event_by_key")]

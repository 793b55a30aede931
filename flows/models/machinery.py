"""What serves all flows: workers, stored payloads, and the events that runs wait for."""

from django.db import models


class Worker(models.Model):
    """A process that drives runs. One that stops beating loses what it holds."""

    name = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    draining = models.BooleanField(default=False)
    riders = models.IntegerField(default=0)


class Artifact(models.Model):
    """A stored payload, addressed by its content."""

    digest = models.CharField(max_length=64, unique=True)
    media_type = models.CharField(max_length=120, default="application/octet-stream")
    name = models.CharField(max_length=200, blank=True, default="")
    size = models.BigIntegerField()
    path = models.CharField(max_length=300)
    created_at = models.DateTimeField()


class Event(models.Model):
    """Something that happened and that runs may wait for, stored for those that wait later.

    ``requested_by`` are the ids of the users behind it: of the person who sent it, or of those who
    asked for the run that emitted it.
    """

    name = models.CharField(max_length=120)
    key = models.CharField(max_length=200, blank=True, default="")
    event_id = models.CharField(max_length=200, unique=True)
    payload = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    requested_by = models.JSONField(default=list, db_default=[], help_text="Ids of users.")

    class Meta:
        indexes = [models.Index(fields=["name", "key", "received_at"], name="event_by_key")]

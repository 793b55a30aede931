"""Files that come in pieces."""

from uuid import uuid4

from django.conf import settings
from django.db import models


class PartialUpload(models.Model):
    """A file that a person is sending in pieces, so that a broken line costs one piece at most.

    ``received`` is how many bytes are there. ``pieces`` are their files, in order.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=120)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    pieces = models.JSONField(default=list)
    changed_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.received} of {self.size}"

    @property
    def is_whole(self) -> bool:
        return self.received == self.size

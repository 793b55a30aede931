from django.db import models


class Secret(models.Model):
    """A named value, encrypted. The key is not in the database.

    ``uses`` are what it may be read for (workbench.secrets.uses); without any it is never read.
    """

    name = models.CharField(max_length=120, unique=True)
    version = models.PositiveIntegerField(default=0)
    ciphertext = models.BinaryField()
    uses = models.JSONField(default=list)
    set_by = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

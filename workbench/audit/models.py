"""The ledger's tables. Triggers refuse UPDATE, DELETE and TRUNCATE of what is recorded.

Entries are chained by subject when they are written, and sealed into signed Merkle blocks
afterwards. The guards and the trigger that fills ``Unsealed`` are in migration 0002.
"""

from django.db import models


class Entry(models.Model):
    """One act. ``canonical`` is what is hashed; the other columns repeat it, for queries."""

    subject_kind = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=80)
    subject_seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=8)
    actor_id = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=200)
    on_behalf_of = models.CharField(max_length=100, blank=True, default="")
    channel = models.CharField(max_length=8)
    action = models.CharField(max_length=80)
    canonical = models.BinaryField()
    commitment = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64)
    leaf_hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id", "subject_seq"], name="entry_subject_seq"
            ),
        ]
        indexes = [
            models.Index(fields=["action", "-id"], name="entry_by_action"),
            models.Index(fields=["actor_kind", "actor_id", "-id"], name="entry_by_actor"),
            models.Index(fields=["at"], name="entry_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.action} {self.subject_kind}:{self.subject_id}"


class EntryPayload(models.Model):
    """An entry's details, in a row of their own: erasing them leaves the chain valid.

    ``body`` is canonical JSON. Both columns are null once it is erased.
    """

    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, primary_key=True, related_name="payload"
    )
    body = models.TextField(null=True)  # noqa: DJ001 - NULL is "erased", not "empty"
    salt = models.BinaryField(null=True)


class SubjectHead(models.Model):
    """The end of a subject's chain. Whoever adds to the chain locks this row first."""

    subject_kind = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=80)
    seq = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id"], name="subject_head"),
        ]


class Block(models.Model):
    """A sealed batch of entries: the RFC 9162 root over their leaf hashes, chained and signed."""

    number = models.PositiveBigIntegerField(unique=True)
    size = models.PositiveIntegerField()
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    root = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)
    key_id = models.CharField(max_length=16)
    public_key = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()


class BlockEntry(models.Model):
    """A leaf of a block. Entries commit out of the order of their ids: a range would miss some."""

    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, primary_key=True, related_name="sealed"
    )
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="leaves")
    position = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "position"], name="block_position"),
        ]


class Unsealed(models.Model):
    """An entry that is in no block yet. A database trigger adds each new entry here."""

    # No foreign key in the database: the trigger that inserts the row has just seen the entry.
    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, primary_key=True, db_constraint=False, related_name="+"
    )


class Tally(models.Model):
    """How often one person tried one thing that is refused, within a span of time.

    ``recorded`` of the tries have an entry. When the span ends, one more tells of the ``further``.
    """

    key = models.CharField(max_length=64, unique=True)
    action = models.CharField(max_length=80)
    subject_kind = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=80)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=200)
    channel = models.CharField(max_length=8)
    payload = models.JSONField(default=dict)
    until = models.DateTimeField()
    recorded = models.PositiveIntegerField(default=0)
    further = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "tallies"
        indexes = [models.Index(fields=["until"], name="tally_until")]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_kind}:{self.actor_id}"

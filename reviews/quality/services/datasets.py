"""Export decisions and corrections as versioned datasets.

A version is JSON lines in a fixed order, stored once under its digest and never changed. CSV and
Parquet are made from it when they are asked for. Its filter, and the newest decision and instant it
may hold, make the same bytes again for as long as the decisions are kept.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Max

from reviews.models.quality import DatasetVersion, DecisionFact
from reviews.quality.errors import DatasetChanged, DatasetEmpty
from reviews.quality.formats import write_csv, write_parquet
from reviews.quality.rows import iterate_rows, list_columns, write_rows
from reviews.selectors.acting import Acting
from workbench.audit.services import record

Json = Any


def create_dataset(
    *, name: str, wanted: Mapping[str, Json], acting: Acting, now: datetime, note: str = ""
) -> DatasetVersion:
    """Export the decisions of the filter as the next version of the dataset.

    ``wanted``: ``{flow, queue, outcome, only_corrected, since, until, leave_out: [field keys],
    named_reviewers, with_places}``, each optional. The file is stored before the version that
    names it; if the version is not saved, the file is harmless.

    Raises: DatasetEmpty.
    """
    up_to = DecisionFact.objects.aggregate(newest=Max("pk"))["newest"] or 0
    version = DatasetVersion(
        name=name,
        filter=dict(wanted),
        up_to=up_to,
        note=note[:500],
        created_by=acting.user,
        created_at=now,
    )
    _store_rows(version)
    with transaction.atomic():
        _take_number(version)
        _record("created", version, acting, now)
    return version


def _store_rows(version: DatasetVersion) -> None:
    """Write the version's rows to a file named by their digest. Raises: DatasetEmpty."""
    with tempfile.TemporaryFile() as written:
        rows = iterate_rows(version.filter, version.up_to, version.created_at)
        version.count, version.digest = write_rows(written, rows)
        if version.count == 0:
            raise DatasetEmpty(DatasetEmpty.__doc__)
        version.size = written.tell()
        version.path = f"datasets/{version.digest[:2]}/{version.digest}.jsonl"
        if not default_storage.exists(version.path):
            written.seek(0)
            version.path = default_storage.save(version.path, File(written))


def _take_number(version: DatasetVersion) -> None:
    """Save the version under the next number of its name."""
    versions = DatasetVersion.objects.filter(name=version.name)
    while True:
        version.number = (versions.aggregate(number=Max("number"))["number"] or 0) + 1
        try:
            with transaction.atomic():
                version.save(force_insert=True)
                return
        except IntegrityError:
            # Somebody exported at the same moment: theirs has the number, take the one after it.
            continue


def reproduce_digest(version: DatasetVersion) -> str:
    """Make the version's rows anew and return their digest. The stored file is not touched."""
    with tempfile.TemporaryFile() as scratch:
        rows = iterate_rows(version.filter, version.up_to, version.created_at)
        return write_rows(scratch, rows)[1]


def open_dataset(*, version: DatasetVersion, form: str, acting: Acting, now: datetime) -> IO[bytes]:
    """Return the version in a form of FORMATS as an open file, and record who took it.

    Raises: DatasetChanged if the stored file is not what was recorded, ParquetMissing.
    """
    check_stored(version)
    made: IO[bytes]
    if form == "jsonl":
        made = _open_stored(version)
    else:
        writer = {"csv": write_csv, "parquet": write_parquet}[form]
        made = writer(_stored_rows(version), list_columns(version.filter))
    with transaction.atomic():
        _record("downloaded", version, acting, now, format=form)
    made.seek(0)
    return made


def check_stored(version: DatasetVersion) -> None:
    """Raises: DatasetChanged if the stored file is missing or not what was recorded."""
    try:
        with _open_stored(version) as stored:
            digest = hashlib.file_digest(stored, "sha256").hexdigest()
    except FileNotFoundError:
        raise DatasetChanged("The stored file is missing: make a new version.") from None
    if digest != version.digest:
        raise DatasetChanged("The stored file is not what was recorded: make a new version.")


def _open_stored(version: DatasetVersion) -> Any:
    return default_storage.open(version.path).open("rb")


def _stored_rows(version: DatasetVersion) -> Iterator[dict[str, Json]]:
    with _open_stored(version) as stored:
        for line in stored:
            yield json.loads(line)


def _record(act: str, version: DatasetVersion, acting: Acting, now: datetime, **more: Json) -> None:
    record(
        action=f"dataset.{act}",
        subject=("dataset", version.name),
        actor=acting.actor,
        payload={
            "name": version.name,
            "version": version.number,
            "number": version.number,
            "count": version.count,
            "digest": version.digest,
            "filter": version.filter,
            **more,
        },
        now=now,
        on_behalf_of=acting.on_behalf_of,
    )

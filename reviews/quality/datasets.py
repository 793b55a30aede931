"""Decisions and corrections as versioned datasets.

A version is JSON lines in a fixed order, stored once under its digest and never changed. CSV and
Parquet are made from it when they are asked for. Its filter, and the newest decision and instant it
may hold, make the same bytes again for as long as the decisions are kept.
"""

import csv
import hashlib
import hmac
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import IO, Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from reviews.models import Decision
from reviews.models.quality import DatasetVersion, DecisionFact
from reviews.quality.errors import DatasetChanged, DatasetEmpty, ParquetMissing
from reviews.selectors.acting import Acting
from workbench.audit.canonical import canonical_bytes
from workbench.audit.services import record

Json = Any
FORMATS = {
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
# The columns of every row, in the order of CSV and Parquet. Those in NESTED are JSON text there.
COLUMNS: dict[str, str] = {
    "decision": "int", "case": "int", "run": "int", "at": "text", "flow": "text",
    "flow_version": "int", "step": "text", "queue": "text", "check": "text", "model": "text",
    "model_version": "text", "suggestion": "text", "confidence": "number", "first_choice": "text",
    "outcome": "text", "agreed": "boolean", "reasons": "json", "comment": "text",
    "overrides": "json", "fields": "json", "form": "json", "reviewer": "text",
    "active_seconds": "int", "receipt_sha256": "text",
}  # fmt: skip
BATCH = 500
PARQUET_ROWS = 5_000
# A cell that begins with one of these is a formula to a spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def create_dataset(
    *, name: str, wanted: Mapping[str, Json], acting: Acting, now: datetime, note: str = ""
) -> DatasetVersion:
    """Export the decisions of the filter as the next version of the dataset.

    ``wanted``: ``{flow, queue, outcome, only_corrected, since, until, leave_out: [field keys],
    named_reviewers}``, each optional. The file is there before a row names it; one that no row
    came to name is harmless.

    Raises: DatasetEmpty.
    """
    up_to = DecisionFact.objects.aggregate(newest=Max("pk"))["newest"] or 0
    with tempfile.TemporaryFile() as written:
        count, digest = write_rows(written, rows_of(wanted, up_to, now))
        if count == 0:
            raise DatasetEmpty(DatasetEmpty.__doc__)
        size = written.tell()
        path = f"datasets/{digest[:2]}/{digest}.jsonl"
        if not default_storage.exists(path):
            written.seek(0)
            path = default_storage.save(path, File(written))
    version = DatasetVersion(
        name=name,
        filter=dict(wanted),
        up_to=up_to,
        count=count,
        digest=digest,
        size=size,
        path=path,
        note=note[:500],
        created_by=acting.user,
        created_at=now,
    )
    with transaction.atomic():
        _take_number(version)
        _tell("created", version, acting, now)
    return version


def _take_number(version: DatasetVersion) -> None:
    """Save as the next version of its name."""
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


def rows_of(wanted: Mapping[str, Json], up_to: int, before: datetime) -> Iterator[dict[str, Json]]:
    """Yield the rows, by decision id: one query for each 500."""
    left_out = frozenset(wanted.get("leave_out") or ())
    facts = _facts(wanted, up_to, before).select_related("decision__case", "queue", "reviewer")
    for fact in facts.order_by("pk").iterator(BATCH):
        yield _row(fact, left_out, named=bool(wanted.get("named_reviewers")))


def _facts(wanted: Mapping[str, Json], up_to: int, before: datetime) -> QuerySet[DecisionFact]:
    conditions = {
        "flow": wanted.get("flow"),
        "queue__name": wanted.get("queue"),
        "outcome": wanted.get("outcome"),
        "corrected__gt": 0 if wanted.get("only_corrected") else None,
        "at__gte": _day(wanted.get("since")),
        "at__lt": _day(wanted.get("until"), timedelta(days=1)),
    }
    given = {name: value for name, value in conditions.items() if value not in (None, "")}
    return DecisionFact.objects.filter(**given).filter(pk__lte=up_to, at__lt=before)


def _day(text: str | None, more: timedelta = timedelta(0)) -> datetime | None:
    """Return a day's beginning in UTC: the same rows, whoever's time zone asks for them."""
    return datetime.combine(date.fromisoformat(text), time(), UTC) + more if text else None


def _row(fact: DecisionFact, left_out: frozenset[str], *, named: bool) -> dict[str, Json]:
    decision: Decision = fact.decision
    case = decision.case
    fields = decision.receipt.get("fields") or {}
    return {
        "decision": decision.pk,
        "case": case.pk,
        "run": case.run_id,
        "at": fact.at.isoformat(),
        "flow": case.flow,
        "flow_version": case.flow_version,
        "step": case.step,
        "queue": fact.queue.name,
        "check": fact.check_kind,
        "model": fact.model,
        "model_version": fact.model_version,
        "suggestion": fact.suggestion,
        "confidence": fact.confidence,
        "first_choice": fact.first_outcome,
        "outcome": decision.outcome,
        "agreed": fact.agreed,
        "reasons": decision.reasons,
        "comment": decision.comment,
        "overrides": [each for each in decision.overrides if each.get("field") not in left_out],
        "fields": {key: value for key, value in fields.items() if key not in left_out},
        "form": {key: value for key, value in decision.form.items() if key not in left_out},
        "reviewer": fact.reviewer.username if named else pseudonym_of(fact.reviewer.username),
        "active_seconds": fact.active_seconds,
        "receipt_sha256": decision.digest,
    }


def pseudonym_of(username: str) -> str:
    """Return a name that stays the same for a person here, and tells nobody who it is."""
    key = settings.SECRET_KEY.encode()
    digest = hmac.new(key, f"dataset reviewer {username}".encode(), hashlib.sha256).hexdigest()
    return f"reviewer-{digest[:12]}"


def write_rows(out: IO[bytes], rows: Iterator[dict[str, Json]]) -> tuple[int, str]:
    """Write the rows as canonical JSON lines; return how many and the SHA-256 of all."""
    hashed, count = hashlib.sha256(), 0
    for row in rows:
        line = canonical_bytes(row) + b"\n"
        hashed.update(line)
        out.write(line)
        count += 1
    return count, hashed.hexdigest()


def reproduce(version: DatasetVersion) -> str:
    """Make the version's rows anew and return their digest; the stored file is not touched."""
    with tempfile.TemporaryFile() as scratch:
        rows = rows_of(version.filter, version.up_to, version.created_at)
        return write_rows(scratch, rows)[1]


# --- Download ---------------------------------------------------------------------


def open_dataset(*, version: DatasetVersion, form: str, acting: Acting, now: datetime) -> IO[bytes]:
    """Return the version in a form of FORMATS as an open file, and tell the ledger who took it.

    Raises: DatasetChanged if the stored file is not what was recorded, ParquetMissing.
    """
    check_stored(version)
    made: IO[bytes] = {"jsonl": _stored, "csv": _as_csv, "parquet": _as_parquet}[form](version)
    with transaction.atomic():
        _tell("downloaded", version, acting, now, format=form)
    made.seek(0)
    return made


def check_stored(version: DatasetVersion) -> None:
    """Raises: DatasetChanged."""
    try:
        with _stored(version) as stored:
            digest = hashlib.file_digest(stored, "sha256").hexdigest()
    except FileNotFoundError:
        raise DatasetChanged("The stored file is missing: make a new version.") from None
    if digest != version.digest:
        raise DatasetChanged("The stored file is not what was recorded: make a new version.")


def _stored(version: DatasetVersion) -> Any:
    return default_storage.open(version.path).open("rb")


def _rows_in(version: DatasetVersion) -> Iterator[dict[str, Json]]:
    with _stored(version) as stored:
        for line in stored:
            yield json.loads(line)


def _as_csv(version: DatasetVersion) -> IO[bytes]:
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _rows_in(version):
        writer.writerow([cell_of(row[name], kind) for name, kind in COLUMNS.items()])
    text.detach()
    return out


def cell_of(value: Json, kind: str) -> Json:
    """Return a value as CSV has it: JSON as text, and nothing that a spreadsheet would compute."""
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _as_parquet(version: DatasetVersion) -> IO[bytes]:
    """Raises: ParquetMissing."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        # 165 MB installed, which only this needs: an optional extra.
        raise ParquetMissing(ParquetMissing.__doc__) from error
    types = {"int": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in COLUMNS.items()])
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for rows in _in_batches(_rows_in(version)):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return out


def _in_batches(rows: Iterator[dict[str, Json]]) -> Iterator[list[dict[str, Json]]]:
    nested = [name for name, kind in COLUMNS.items() if kind == "json"]
    while batch := list(islice(rows, PARQUET_ROWS)):
        yield [
            {**row, **{name: json.dumps(row[name], ensure_ascii=False) for name in nested}}
            for row in batch
        ]


def _tell(what: str, version: DatasetVersion, acting: Acting, now: datetime, **more: Json) -> None:
    record(
        action=f"dataset.{what}",
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

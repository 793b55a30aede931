"""Datasets over HTTP: make a version, list, download and verify them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, get_acting
from reviews.api.problems import map_errors
from reviews.models.quality import DatasetVersion
from reviews.quality.errors import DatasetChanged, DatasetEmpty, ParquetMissing, PolicyInvalid
from reviews.quality.formats import FORMATS
from reviews.quality.services.datasets import create_dataset, open_dataset, reproduce_digest
from workbench.accounts.gate import requires
from workbench.http.gateway import may_answer
from workbench.http.schemas import FILE, Page, Strict, page_by_id
from workbench.http.sending import SentFile
from workbench.values.times import read_date

router = Router(tags=["quality"])
Form = Literal["jsonl", "csv", "parquet"]

map_errors(
    {
        DatasetEmpty: "Widen the filter.",
        DatasetChanged: "Make a new version.",
        ParquetMissing: "Install the extra `parquet` on the server, or take jsonl or csv.",
    }
)


class DatasetIn(Strict):
    name: str = Field(pattern=r"^[-a-zA-Z0-9_]{1,80}$")
    flow: str = Field("", max_length=80)
    queue: str = Field("", max_length=80)
    outcome: str = Field("", max_length=80)
    only_corrected: bool = False
    since: str = Field("", description="A day, such as 2026-03-01.")
    until: str = Field("", description="The last day.")
    leave_out: list[str] = Field([], max_length=200, description="Keys of fields.")
    named_reviewers: bool = Field(False, description="False: each is given a pseudonym.")
    with_places: bool = Field(
        False, description="Add where each field stood on the documents that were shown."
    )
    note: str = Field("", max_length=500)


class DatasetOut(Schema):
    id: int
    name: str
    number: int
    filter: dict[str, Any]
    count: int
    digest: str = Field(description="SHA-256 of the JSON lines.")
    size: int
    note: str
    created_by: str
    created_at: datetime


class DatasetProofOut(Schema):
    digest: str
    same: bool = Field(description="False: decisions were erased since.")


@router.get("/datasets", response=Page[DatasetOut], operation_id="list_datasets")
@requires("datasets.export", scope="installation")
def datasets(
    request: HttpRequest, cursor: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, Any]:
    """List the versions of all datasets, the newest first."""
    versions = DatasetVersion.objects.select_related("created_by")
    return page_by_id(versions, cursor=cursor, limit=limit, to_item=_dataset_out)


@router.post("/datasets", response={201: DatasetOut}, operation_id="create_dataset")
@may_answer(501)
@requires("datasets.export", scope="installation")
def make_dataset(request: HttpRequest, body: DatasetIn) -> Status[Any]:
    """Export decisions as the next version of a dataset."""
    version = create_dataset(
        name=body.name,
        wanted=_read_filter(body),
        note=body.note,
        acting=get_acting(request),
        now=timezone.now(),
    )
    return Status(201, _dataset_out(version))


def _read_filter(body: DatasetIn) -> dict[str, Any]:
    """Return the filter as create_dataset takes it. Raises: PolicyInvalid."""
    given = {name: value for name, value in body.dict(exclude={"name", "note"}).items() if value}
    for name in ("since", "until"):
        if name in given:
            given[name] = _read_day(name, given[name])
    return given


def _read_day(name: str, text: str) -> str:
    try:
        return read_date(text).isoformat()
    except ValueError:
        raise PolicyInvalid(f"`{name}` is not a day: write it as 2026-03-01.") from None


@router.get(
    "/datasets/{version_id}/files/{form}", operation_id="download_dataset", openapi_extra=FILE
)
@may_answer(410, 501)
@requires("datasets.export", scope="installation")
def download(request: HttpRequest, version_id: Id, form: Form) -> SentFile:
    """Download a version as jsonl, csv or parquet. The ledger records who took it."""
    version = _find_version(version_id)
    file = open_dataset(version=version, form=form, acting=get_acting(request), now=timezone.now())
    name = f"{version.name}-v{version.number}.{form}"
    response = SentFile(file, as_attachment=True, filename=name, content_type=FORMATS[form])
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.post(
    "/datasets/{version_id}/verify", response=DatasetProofOut, operation_id="verify_dataset"
)
@requires("datasets.export", scope="installation")
def verify(request: HttpRequest, version_id: Id) -> dict[str, Any]:
    """Make the version again from its filter and compare the digests."""
    version = _find_version(version_id)
    digest = reproduce_digest(version)
    return {"digest": digest, "same": digest == version.digest}


def _find_version(version_id: int) -> DatasetVersion:
    found = DatasetVersion.objects.select_related("created_by").filter(pk=version_id).first()
    if found is None:
        raise Http404(f"There is no dataset version {version_id}.")
    return found


def _dataset_out(version: DatasetVersion) -> dict[str, Any]:
    names = ("id", "name", "number", "filter", "count", "digest", "size", "note", "created_at")
    return {
        **{name: getattr(version, name) for name in names},
        "created_by": version.created_by.username,
    }

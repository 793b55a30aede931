"""Quality over HTTP: figures, checks, policies, known answers, datasets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Schema, Status
from pydantic import Field

from reviews.errors import ReviewError
from reviews.models import Case, Queue
from reviews.models.quality import DatasetVersion, KnownAnswer, QualityCheck, SamplingPolicy
from reviews.quality import errors
from reviews.quality.datasets import FORMATS, create_dataset, open_dataset, reproduce
from reviews.quality.figures import Figures, Filter, Row, Share, get_figures
from reviews.quality.policies import (
    Sampling,
    add_known_answer,
    close_disagreement,
    retire_known_answer,
    save_sampling_policy,
    set_queue_policy,
)
from reviews.quality.selectors import list_checks, list_sampling_policies
from reviews.quality.statistics import Agreement
from reviews.selectors.acting import acting_as
from reviews.selectors.cases import get_visible_case
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can
from workbench.http.problems import map_error
from workbench.http.schemas import Page, Strict, decode_cursor, encode_cursor, page_by_id

Json = Any
router = Router(tags=["quality"])
BIGGEST_ID = 2**63 - 1
Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Percent = Annotated[float, Field(ge=0, le=100)]
Form = Literal["jsonl", "csv", "parquet"]
REMEDIES: dict[type[ReviewError], str] = {
    errors.PolicyInvalid: "Correct what is named, and send it again.",
    errors.AnswerNotKnown: "Name a case that a person decided, and one of its outcomes.",
    errors.CheckNotSettled: "Read the checks with show=open.",
    errors.DatasetEmpty: "Widen the filter.",
    errors.DatasetChanged: "Make a new version.",
    errors.ParquetMissing: "Install the extra `parquet` on the server, or take jsonl or csv.",
}
for _error, _remedy in REMEDIES.items():
    map_error(_error, status=_error.status, code=_error.code.replace("_", "-"), remedy=_remedy)


# --- Figures ----------------------------------------------------------------------


class FigureQuery(Schema):
    flow: str = Field("", max_length=80)
    queue: str = Field("", max_length=80)
    reviewer: str = Field("", max_length=150, description="Needs insights.people.")
    version: str = Field("", max_length=120, description="Of the model.")
    since: date | None = None
    until: date | None = None


class ShareOut(Schema):
    hits: int
    count: int
    rate: float | None
    low: float | None = Field(description="Wilson's 95 % interval.")
    high: float | None


class AgreementOut(Schema):
    subjects: int
    observed: float
    expected: float
    kappa: float | None = Field(description="Null where chance alone explains all.")


class BandOut(Schema):
    low: float
    high: float
    count: int
    confidence: float
    hits: int


class VersionOut(Schema):
    model: str
    version: str
    decisions: int
    overrides: ShareOut
    confidence: float
    psi: float | None
    ks: float | None
    p: float | None


class RowOut(Schema):
    key: str
    decisions: int
    overrides: ShareOut
    corrected: ShareOut
    active_seconds: float | None
    second: ShareOut
    known: ShareOut


class FiguresOut(Schema):
    decisions: int
    overrides: ShareOut
    corrected: ShareOut
    revised: ShareOut = Field(description="Of independent first choices.")
    median_seconds: float | None
    agreement: AgreementOut | None = Field(description="Cohen's kappa of model and person.")
    second_agreement: AgreementOut | None
    known_agreement: AgreementOut | None = Field(description="Fleiss' kappa.")
    sample: ShareOut
    second: ShareOut
    known: ShareOut
    calibration: list[BandOut]
    calibration_error: float | None
    brier: float | None
    versions: list[VersionOut]
    weeks: list[RowOut]
    flows: list[RowOut]
    reviewers: list[RowOut] = Field(description="Empty without insights.people.")


@router.get("/quality/figures", response=FiguresOut, operation_id="get_quality_figures")
@requires("insights.view")
def figures(request: HttpRequest, wanted: Query[FigureQuery]) -> dict[str, Any]:
    """Return agreement, overrides, calibration and drift, by flow, week and reviewer."""
    principal = principal_of(request)
    people = can(principal, "insights.people")
    given = {name: _plain(value) for name, value in wanted.dict().items()}
    if not people:
        given["reviewer"] = ""
    return _figures_out(get_figures(principal, Filter(**given), people=people))


def _plain(value: Json) -> Json:
    return value.replace("\0", "") if isinstance(value, str) else value


def _figures_out(found: Figures) -> dict[str, Any]:
    checks, calibration = found.checks, found.calibration
    return {
        "decisions": found.decisions,
        "overrides": _share(found.overrides),
        "corrected": _share(found.corrected),
        "revised": _share(found.revised),
        "median_seconds": found.median_seconds,
        "agreement": _agreement(found.agreement),
        "second_agreement": _agreement(checks.second_agreement),
        "known_agreement": _agreement(checks.many),
        "sample": _share(checks.sample),
        "second": _share(checks.second),
        "known": _share(checks.known),
        "calibration": [asdict(band) for band in calibration.bands],
        "calibration_error": calibration.error,
        "brier": calibration.brier,
        "versions": [
            {
                "model": each.model,
                "version": each.version,
                "decisions": each.decisions,
                "overrides": _share(each.overrides),
                "confidence": each.confidence,
                "psi": each.shift.psi if each.shift else None,
                "ks": each.shift.ks if each.shift else None,
                "p": each.shift.p if each.shift else None,
            }
            for each in found.versions
        ],
        "weeks": _rows(found.weeks),
        "flows": _rows(found.flows),
        "reviewers": _rows(found.reviewers),
    }


def _share(share: Share) -> dict[str, Any]:
    span = share.interval
    return {
        "hits": share.hits,
        "count": share.count,
        "rate": share.rate,
        "low": span.low if span else None,
        "high": span.high if span else None,
    }


def _agreement(found: Agreement | None) -> Mapping[str, Any] | None:
    return asdict(found) if found else None


def _rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "key": str(row.key),
            "decisions": row.decisions,
            "overrides": _share(row.overrides),
            "corrected": _share(row.corrected),
            "active_seconds": row.active_seconds,
            "second": _share(row.second),
            "known": _share(row.known),
        }
        for row in rows
    ]


# --- Checks -----------------------------------------------------------------------


class CheckOut(Schema):
    id: int
    case: int
    kind: str = Field(description="sample, second or known.")
    state: str
    original: int | None = Field(description="The case it repeats.")
    run: int
    expected: str
    expected_by: str | None = Field(description="Null for a machine and for known answers.")
    outcome: str
    decided_by: str | None
    agreed: bool | None
    settled_at: datetime | None
    looked_at: datetime | None
    note: str


class NoteIn(Strict):
    note: str = Field(min_length=1, max_length=500, description="What came of it.")


@router.get("/quality/checks", response=Page[CheckOut], operation_id="list_quality_checks")
@requires("insights.people")
def checks(
    request: HttpRequest,
    show: Literal["open", "closed", "agreed", "waiting"] = "open",
    kind: Literal["", "sample", "second", "known"] = "",
    cursor: str = "",
) -> dict[str, Any]:
    """List checks, the newest first; ``open`` are disagreements nobody has looked at."""
    before = decode_cursor(cursor) if cursor else None
    if not (before is None or (type(before) is int and 0 < before <= BIGGEST_ID)):
        before = None
    page = list_checks(principal_of(request), which=show, kind=kind, before=before)
    return {
        "items": [_check_out(check) for check in page.checks],
        "next": encode_cursor(page.before) if page.before else None,
    }


def _check_out(check: QualityCheck) -> dict[str, Any]:
    names = ("id", "kind", "state", "expected", "outcome", "agreed", "settled_at", "looked_at",
             "note")  # fmt: skip
    return {
        **{name: getattr(check, name) for name in names},
        "case": check.case_id,
        "original": check.original_id,
        "run": check.case.run_id,
        "expected_by": check.expected_by.username if check.expected_by else None,
        "decided_by": check.decided_by.username if check.decided_by else None,
    }


@router.post(
    "/quality/checks/{check_id}/close", response={204: None}, operation_id="close_quality_check"
)
@requires("quality.manage")
def close(request: HttpRequest, check_id: Id, body: NoteIn) -> Status[None]:
    """Close a disagreement with what came of it."""
    check = QualityCheck.objects.select_related("case__queue").filter(pk=check_id).first()
    if check is None:
        raise Http404(f"There is no check {check_id}.")
    _check_leads(request, flow=check.case.flow, queue=check.case.queue.name)
    close_disagreement(check=check, note=body.note, acting=_acting(request), now=timezone.now())
    return Status(204, None)


# --- Policies ---------------------------------------------------------------------


class QueuePolicyIn(Strict):
    second_percent: Percent = Field(description="Decided again by a second person, blind.")
    known_percent: Percent = Field(description="Cases with a known answer mixed in.")
    independent_percent: Percent = Field(description="Decided before the model's answer.")


class SamplingIn(Strict):
    flow: str = Field(max_length=80)
    step: str = Field(max_length=80, description="The checkpoint whose layout shows the case.")
    percent: Percent
    branch: str = Field("", max_length=161, description="`step.port` that the run left by.")
    outcomes: list[str] = Field([], max_length=50, description="Of the run; empty: any.")
    equivalents: dict[str, str] = Field({}, description="Run's outcome to the case's.")
    enabled: bool = True


class SamplingOut(Schema):
    id: int
    flow: str
    step: str
    percent: float
    branch: str
    outcomes: list[str]
    equivalents: dict[str, str]
    enabled: bool
    drawn: int
    opened: int
    waiting: int


@router.put(
    "/quality/queues/{name}", response=QueuePolicyIn, operation_id="set_queue_quality_policy"
)
@requires("quality.manage", queue="name")
def put_queue_policy(request: HttpRequest, name: str, body: QueuePolicyIn) -> Any:
    """Set how closely a queue's decisions are watched, in percent of its cases."""
    queue = Queue.objects.filter(name=_plain(name)).first()
    if queue is None:
        raise Http404(f"There is no queue {name}.")
    return set_queue_policy(queue=queue, acting=_acting(request), now=timezone.now(), **body.dict())


@router.get("/quality/sampling", response=Page[SamplingOut], operation_id="list_sampling_policies")
@requires("quality.manage")
def sampling(request: HttpRequest) -> dict[str, Any]:
    """List the samples of automatic decisions, with what became of the runs drawn."""
    found = [
        policy
        for policy in list_sampling_policies()
        if can(principal_of(request), "quality.manage", flow=policy.flow)
    ]
    return {"items": [_sampling_out(policy) for policy in found], "next": None}


@router.post(
    "/quality/sampling", response={201: SamplingOut}, operation_id="create_sampling_policy"
)
@requires("quality.manage")
def create_sampling(request: HttpRequest, body: SamplingIn) -> Status[Any]:
    """Have people look at a share of a flow's automatic decisions afterwards."""
    _check_leads(request, flow=body.flow)
    policy = _save_sampling(request, body, None)
    return Status(201, _sampling_out(policy))


@router.put(
    "/quality/sampling/{policy_id}", response=SamplingOut, operation_id="change_sampling_policy"
)
@requires("quality.manage")
def change_sampling(request: HttpRequest, policy_id: Id, body: SamplingIn) -> dict[str, Any]:
    """Change a sample; what was drawn stays drawn."""
    policy = SamplingPolicy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise Http404(f"There is no sampling policy {policy_id}.")
    for flow in {policy.flow, body.flow}:
        _check_leads(request, flow=flow)
    return _sampling_out(_save_sampling(request, body, policy))


def _save_sampling(
    request: HttpRequest, body: SamplingIn, policy: SamplingPolicy | None
) -> SamplingPolicy:
    return save_sampling_policy(
        wanted=Sampling(**body.dict()), acting=_acting(request), now=timezone.now(), policy=policy
    )


def _sampling_out(policy: SamplingPolicy) -> dict[str, Any]:
    names = ("id", "flow", "step", "percent", "branch", "outcomes", "equivalents", "enabled")
    counts = ("drawn", "opened", "waiting")
    return {
        **{name: getattr(policy, name) for name in names},
        **{name: getattr(policy, f"{name}_count", 0) for name in counts},
    }


class KnownAnswerIn(Strict):
    case: int = Field(ge=1, le=BIGGEST_ID)
    outcome: str = Field(min_length=1, max_length=80)
    note: str = Field("", max_length=500)


class KnownAnswerOut(Schema):
    id: int
    case: int
    queue: str
    outcome: str
    note: str


@router.post(
    "/quality/known-answers", response={201: KnownAnswerOut}, operation_id="add_known_answer"
)
@requires("quality.manage")
def add_answer(request: HttpRequest, body: KnownAnswerIn) -> Status[Any]:
    """Make a decided case a known answer; copies of it are mixed into its queue."""
    try:
        case = get_visible_case(body.case, principal_of(request), "quality.manage")
    except Case.DoesNotExist:
        raise Http404(f"There is no case {body.case} for you.") from None
    answer = add_known_answer(
        case=case, outcome=body.outcome, note=body.note, acting=_acting(request),
        now=timezone.now(),
    )  # fmt: skip
    return Status(201, {
        "id": answer.pk, "case": case.pk, "queue": case.queue.name, "outcome": answer.outcome,
        "note": answer.note,
    })  # fmt: skip


@router.delete(
    "/quality/known-answers/{answer_id}", response={204: None}, operation_id="retire_known_answer"
)
@requires("quality.manage")
def retire_answer(request: HttpRequest, answer_id: Id) -> Status[None]:
    """Mix it in no more. What was scored stays."""
    answer = KnownAnswer.objects.select_related("queue").filter(pk=answer_id).first()
    if answer is None:
        raise Http404(f"There is no known answer {answer_id}.")
    _check_leads(request, queue=answer.queue.name)
    retire_known_answer(answer=answer, acting=_acting(request), now=timezone.now())
    return Status(204, None)


# --- Datasets ---------------------------------------------------------------------


class DatasetIn(Strict):
    name: str = Field(pattern=r"^[-a-zA-Z0-9_]{1,80}$")
    flow: str = Field("", max_length=80)
    queue: str = Field("", max_length=80)
    outcome: str = Field("", max_length=80)
    only_corrected: bool = False
    since: str = Field("", description="A day, such as 2026-03-01.")
    until: str = Field("", description="The last day.")
    leave_out: list[str] = Field([], max_length=200, description="Keys of fields.")
    named_reviewers: bool = Field(False, description="Else each is a pseudonym.")
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


class ProofOut(Schema):
    digest: str
    same: bool = Field(description="False: decisions were erased since.")


@router.get("/datasets", response=Page[DatasetOut], operation_id="list_datasets")
@requires("datasets.export")
def datasets(
    request: HttpRequest, cursor: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, Any]:
    """List the versions of all datasets, the newest first."""
    versions = DatasetVersion.objects.select_related("created_by")
    return page_by_id(versions, cursor=cursor, limit=limit, to_item=_dataset_out)


@router.post("/datasets", response={201: DatasetOut}, operation_id="create_dataset")
@requires("datasets.export")
def make_dataset(request: HttpRequest, body: DatasetIn) -> Status[Any]:
    """Export decisions as the next version of a dataset."""
    given = {name: value for name, value in body.dict().items() if value}
    for name in ("since", "until"):
        if name in given:
            given[name] = _day(name, given[name])
    wanted = {name: value for name, value in given.items() if name not in {"name", "note"}}
    version = create_dataset(
        name=body.name, wanted=_without_nul(wanted), note=body.note, acting=_acting(request),
        now=timezone.now(),
    )  # fmt: skip
    return Status(201, _dataset_out(version))


def _day(name: str, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise errors.PolicyInvalid(f"`{name}` is no day: write 2026-03-01.") from None


def _without_nul(wanted: Mapping[str, Json]) -> dict[str, Json]:
    return {name: _plain(value) for name, value in wanted.items()}


@router.get("/datasets/{version_id}/files/{form}", operation_id="download_dataset")
@requires("datasets.export")
def download(request: HttpRequest, version_id: Id, form: Form) -> FileResponse:
    """Download a version as jsonl, csv or parquet. The ledger has who took it."""
    version = _version(version_id)
    file = open_dataset(version=version, form=form, acting=_acting(request), now=timezone.now())
    name = f"{version.name}-v{version.number}.{form}"
    response = FileResponse(file, as_attachment=True, filename=name, content_type=FORMATS[form])
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.post("/datasets/{version_id}/verify", response=ProofOut, operation_id="verify_dataset")
@requires("datasets.export")
def verify(request: HttpRequest, version_id: Id) -> dict[str, Any]:
    """Make the version again from its filter and compare the digest."""
    version = _version(version_id)
    digest = reproduce(version)
    return {"digest": digest, "same": digest == version.digest}


def _version(version_id: int) -> DatasetVersion:
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


# --- What is shared ---------------------------------------------------------------


def _acting(request: HttpRequest) -> Any:
    return acting_as(principal_of(request), "api")


def _check_leads(
    request: HttpRequest, *, flow: str | None = None, queue: str | None = None
) -> None:
    if not can(principal_of(request), "quality.manage", flow=flow, queue=queue):
        raise PermissionDenied("This needs the permission quality.manage on this flow and queue.")

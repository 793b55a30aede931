"""The masked values of runs over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Path, Router, Schema, Status
from pydantic import Field

from flows.api.finding import Id, find_run
from flows.models import MaskedValue
from flows.selectors.masked_values import list_masked_values
from flows.services.unmasking import MaskedValueGone, ReasonMissing, delete_originals, unmask_value
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can
from workbench.http.idempotency import shows_once
from workbench.http.problems import map_error
from workbench.http.schemas import Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["flows"])
Code = Annotated[str, Path(max_length=16)]

map_error(ReasonMissing, status=422, code="reason-missing", remedy="Send a `reason`.")
map_error(MaskedValueGone, status=409, code="masked-value-gone", remedy="It stays masked.")


class MaskedValueOut(Schema):
    token: str = Field(description="As it stands in the run's texts.")
    code: str = Field(description="The random part of the token.")
    kind: str
    step: str = Field(description="The guard that replaced it.")
    run: int = Field(
        description="The run whose guard that was: this one, or one that it came from."
    )
    made_at: datetime


class MaskedValuesOut(Schema):
    items: list[MaskedValueOut]
    next: None = None


class UnmaskIn(Strict):
    reason: str = Field(min_length=1, max_length=500, description="The ledger keeps it.")


class UnmaskedOut(Schema):
    token: str
    value: str | int


@router.get(
    "/runs/{run_id}/masked-values", response=MaskedValuesOut, operation_id="list_masked_values"
)
@requires("runs.view", scope="rows")
def list_values(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """List the tokens that the run's texts can hold, without what they stand for."""
    run = find_run(request, run_id)
    return {"items": [_out(row) for row in list_masked_values(run)]}


@router.post(
    "/runs/{run_id}/masked-values/{code}/unmask", response=UnmaskedOut, operation_id="unmask_value"
)
@requires("values.unmask", scope="rows")
@shows_once
def unmask(
    request: HttpRequest,
    response: HttpResponse,
    run_id: Id,
    body: UnmaskIn,
    code: Code,
) -> dict[str, Any]:
    """Return what a token stands for. The ledger keeps who asked, and the reason."""
    run = find_run(request, run_id)
    row = next(iter(list_masked_values(run, [code])), None)
    if row is None:
        raise Http404(f"Run {run_id} has no masked value {code}.")
    if not can(principal_of(request), "values.unmask", flow=row.run.flow.name):
        raise PermissionDenied(f"This needs the permission values.unmask for {row.run.flow.name}.")
    value = unmask_value(
        masked_id=row.pk, run=run, reason=body.reason, actor=actor_of(request), now=timezone.now()
    )
    response["Cache-Control"] = "no-store"
    return {"token": row.token, "value": value}


@router.post(
    "/runs/{run_id}/masked-values/delete", response={204: None}, operation_id="delete_masked_values"
)
@requires("runs.operate", scope="rows")
def delete_values(request: HttpRequest, run_id: Id) -> Status[None]:
    """Delete what the run's own tokens stand for. The run and its texts stay as they are."""
    run = find_run(request, run_id, "runs.operate")
    delete_originals(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    return Status(204, None)


def _out(row: MaskedValue) -> dict[str, Any]:
    names = ("token", "code", "kind", "step", "made_at")
    return {**{name: getattr(row, name) for name in names}, "run": row.run_id}

"""Find what a request to the API names, and check that its principal may use it."""

from typing import Annotated, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from ninja import Path

from flows import selectors, services
from flows.graph.operations import OperationRefused
from flows.graph.problems import DocumentError
from flows.models import Flow, FlowVersion, Run
from workbench.accounts.gate import principal_of
from workbench.accounts.permissions import Reach, can, reach
from workbench.http.problems import ApiProblem, map_error_by

BIGGEST_ID = 2**63 - 1
# An id beyond what the database can hold names nothing; a query for it would fail.
Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def _input_problem(error: services.InputInvalid) -> ApiProblem:
    errors = [{"at": each["path"], "message": each["message"]} for each in error.errors]
    return ApiProblem(422, "input-invalid", error.message, error.remedy, errors)


def _document_problem(error: DocumentError) -> ApiProblem:
    remedy = "Correct each of the errors; /flows/schema has the document's schema."
    return _flow_problem("This is not a flow document.", remedy, error.problems)


def _service_problem(error: services.ServiceError) -> ApiProblem:
    """Return the problem for a refusal that no route has given a code of its own."""
    return ApiProblem(409, "refused", error.message, error.remedy)


def _flow_problem(detail: str, remedy: str, problems: Any) -> ApiProblem:
    errors = [
        {
            "at": "/".join(part for part in (each.step, each.field) if part),
            "message": f"{each.message} {each.remedy}",
            "code": each.code,
            "line": each.line,
        }
        for each in problems
    ]
    return ApiProblem(422, "flow-invalid", detail, remedy, errors)


map_error_by(services.ServiceError, _service_problem)
map_error_by(services.InputInvalid, _input_problem)
map_error_by(services.FlowInvalid, lambda e: _flow_problem(e.message, e.remedy, e.problems))
map_error_by(DocumentError, _document_problem)
map_error_by(OperationRefused, lambda e: ApiProblem(409, e.code, e.message, e.remedy))


def get_reach(request: HttpRequest, permission: str) -> Reach:
    """Return where the principal has the permission."""
    return reach(principal_of(request), permission)


def find_flow(name: str) -> Flow:
    """Return the flow with its released version. Raises: Http404."""
    try:
        return selectors.get_flow(name)
    except Flow.DoesNotExist:
        raise Http404(f"There is no flow {name}.") from None


def find_version(flow: Flow, number: int) -> FlowVersion:
    """Return a version of the flow. Raises: Http404."""
    try:
        return selectors.get_version(flow, number)
    except FlowVersion.DoesNotExist:
        raise Http404(f"Flow {flow.name} has no version {number}.") from None


def find_run(request: HttpRequest, run_id: int, permission: str = "runs.view") -> Run:
    """Return the run, if the principal has the permission for its flow.

    Raises: Http404 also for a run that may not be seen, PermissionDenied for one that may.
    """
    try:
        run = selectors.get_run(run_id)
    except Run.DoesNotExist:
        raise Http404(f"There is no run {run_id}.") from None
    if not can(principal_of(request), permission, flow=run.flow.name):
        if can(principal_of(request), "runs.view", flow=run.flow.name):
            raise PermissionDenied(f"This needs the permission {permission}.")
        raise Http404(f"There is no run {run_id}.")
    return run


def check_permission(request: HttpRequest, permission: str, flow: str) -> None:
    """Check that the principal has the permission for the flow. Raises: PermissionDenied."""
    if not can(principal_of(request), permission, flow=flow):
        raise PermissionDenied(f"This needs the permission {permission} for {flow}.")

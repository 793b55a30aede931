"""Find what a request to the API names, and check that its principal may use it."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from workbench.http.problems import ApiProblem

BIGGEST_ID = 2**63 - 1
# An id beyond what the database can hold names nothing; a query for it would fail.
Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@contextmanager
def listed_faults() -> Iterator[None]:
    """Answer an error that lists faults with a problem that lists them."""
    try:
        yield
    except services.InputInvalid as error:
        errors = [{"at": each["path"], "message": each["message"]} for each in error.errors]
        raise ApiProblem(422, "input-invalid", error.message, error.remedy, errors) from error
    except services.FlowInvalid as error:
        raise _flow_problem(error.message, error.remedy, error.problems) from error
    except DocumentError as error:
        remedy = "Correct each of the errors; /flows/schema has the document's schema."
        raise _flow_problem("This is not a flow document.", remedy, error.problems) from error
    except OperationRefused as error:
        raise ApiProblem(409, error.code, error.message, error.remedy) from error


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

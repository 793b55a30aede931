"""Find what an API request names, and check that its principal may use it."""

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
# Ids beyond what the database can hold name nothing, and must not fail there.
Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@contextmanager
def listed_faults() -> Iterator[None]:
    """Answer an error that has a list of faults with that list."""
    try:
        yield
    except services.InputInvalid as error:
        errors = [{"at": each["path"], "message": each["message"]} for each in error.errors]
        raise ApiProblem(422, "input-invalid", error.message, error.remedy, errors) from error
    except services.FlowInvalid as error:
        raise _flow_invalid(error.message, error.remedy, error.problems) from error
    except DocumentError as error:
        remedy = "Correct each of the errors; /flows/schema has the document's schema."
        raise _flow_invalid("This is not a flow document.", remedy, error.problems) from error
    except OperationRefused as error:
        raise ApiProblem(409, error.code, error.message, error.remedy) from error


def _flow_invalid(detail: str, remedy: str, problems: Any) -> ApiProblem:
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


def reach_of(request: HttpRequest, permission: str) -> Reach:
    return reach(principal_of(request), permission)


def searchable(text: str) -> str:
    """PostgreSQL refuses NUL in text, so nothing stored has one."""
    return text.replace("\x00", "")


def flow_named(name: str) -> Flow:
    try:
        return selectors.get_flow(searchable(name))
    except Flow.DoesNotExist:
        raise Http404(f"There is no flow {name}.") from None


def version_numbered(flow: Flow, number: int) -> FlowVersion:
    try:
        return selectors.get_version(flow, number)
    except FlowVersion.DoesNotExist:
        raise Http404(f"Flow {flow.name} has no version {number}.") from None


def run_in_reach(request: HttpRequest, run_id: int, permission: str = "runs.view") -> Run:
    """Return a run of a flow the principal may see, and act on; others are as if not there."""
    try:
        run = selectors.get_run(run_id)
    except Run.DoesNotExist:
        raise Http404(f"There is no run {run_id}.") from None
    if not can(principal_of(request), permission, flow=run.flow.name):
        if can(principal_of(request), "runs.view", flow=run.flow.name):
            raise PermissionDenied(f"This needs the permission {permission}.")
        raise Http404(f"There is no run {run_id}.")
    return run


def check_may(request: HttpRequest, permission: str, flow: str) -> None:
    if not can(principal_of(request), permission, flow=flow):
        raise PermissionDenied(f"This needs the permission {permission} for {flow}.")

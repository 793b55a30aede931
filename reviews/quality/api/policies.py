"""Quality policies over HTTP: how much of a queue and of a flow is checked."""

from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, get_acting
from reviews.api.problems import map_errors
from reviews.models import Queue
from reviews.models.quality import SamplingPolicy
from reviews.quality.api.finding import check_leads
from reviews.quality.errors import PolicyInvalid
from reviews.quality.selectors.lists import list_sampling_policies
from reviews.quality.services.policies import Sampling, save_sampling_policy, set_queue_policy
from reviews.selectors.editables import QUEUE_SHARES, SAMPLING_POLICY, get_shares
from workbench.accounts.gate import principal_of, requires
from workbench.http.preconditions import edits, shows
from workbench.http.schemas import Page, Strict

router = Router(tags=["quality"])
Percent = Annotated[float, Field(ge=0, le=100)]

map_errors({PolicyInvalid: "Correct what is named, and send it again."})


class QueuePolicyIn(Strict):
    second_percent: Percent = Field(description="Decided again by a second person, blind.")
    known_percent: Percent = Field(description="Cases with a known answer mixed in.")
    independent_percent: Percent = Field(description="Decided before the model's answer.")


class QueuePolicyOut(QueuePolicyIn):
    revision: str


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
    revision: str


@router.get(
    "/quality/queues/{name}", response=QueuePolicyOut, operation_id="get_queue_quality_policy"
)
@requires("quality.manage", scope="queue:name")
@shows(QUEUE_SHARES)
def get_queue_policy(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return how many of a queue's cases are checked, in percent."""
    return _shares_out(_find_queue(name))


@router.put(
    "/quality/queues/{name}", response=QueuePolicyOut, operation_id="set_queue_quality_policy"
)
@requires("quality.manage", scope="queue:name")
@edits(QUEUE_SHARES, lambda request, given: [given["name"]])
def put_queue_policy(request: HttpRequest, name: str, body: QueuePolicyIn) -> dict[str, Any]:
    """Set how many of a queue's cases are checked, in percent."""
    queue = _find_queue(name)
    set_queue_policy(queue=queue, acting=get_acting(request), now=timezone.now(), **body.dict())
    return _shares_out(queue)


@router.get("/quality/sampling", response=Page[SamplingOut], operation_id="list_sampling_policies")
@requires("quality.manage", scope="rows")
def sampling(request: HttpRequest) -> dict[str, Any]:
    """List the sampling policies, with what became of the runs they drew."""
    found = list_sampling_policies(principal_of(request))
    return {"items": [_sampling_out(policy) for policy in found], "next": None}


@router.post(
    "/quality/sampling", response={201: SamplingOut}, operation_id="create_sampling_policy"
)
@requires("quality.manage", scope="rows")
def create_sampling(request: HttpRequest, body: SamplingIn) -> Status[Any]:
    """Have people check a share of a flow's automatic decisions afterwards."""
    check_leads(request, flow=body.flow)
    policy = _save_sampling(request, body, None)
    return Status(201, _sampling_out(policy))


@router.get(
    "/quality/sampling/{policy_id}", response=SamplingOut, operation_id="get_sampling_policy"
)
@requires("quality.manage", scope="rows")
@shows(SAMPLING_POLICY)
def get_sampling(request: HttpRequest, policy_id: Id) -> dict[str, Any]:
    """Return a sampling policy, with what became of the runs it drew."""
    return _sampling_out(_find_sampling(request, policy_id))


@router.put(
    "/quality/sampling/{policy_id}", response=SamplingOut, operation_id="change_sampling_policy"
)
@requires("quality.manage", scope="rows")
@edits(
    SAMPLING_POLICY,
    lambda request, given: [_find_sampling(request, given["policy_id"]).pk],
)
def change_sampling(request: HttpRequest, policy_id: Id, body: SamplingIn) -> dict[str, Any]:
    """Change a sampling policy; runs that were drawn stay drawn."""
    policy = _find_sampling(request, policy_id)
    check_leads(request, flow=body.flow)
    return _sampling_out(_save_sampling(request, body, policy))


def _find_queue(name: str) -> Queue:
    queue = Queue.objects.filter(name=name).first()
    if queue is None:
        raise Http404(f"There is no queue {name}.")
    return queue


def _find_sampling(request: HttpRequest, policy_id: int) -> SamplingPolicy:
    """Raises: Http404, also for a policy of a flow that the person does not lead."""
    for policy in list_sampling_policies(principal_of(request)):
        if policy.pk == policy_id:
            return policy
    raise Http404(f"There is no sampling policy {policy_id}.")


def _shares_out(queue: Queue) -> dict[str, Any]:
    return {**get_shares(queue), "revision": QUEUE_SHARES.revision_of(queue)}


def _save_sampling(
    request: HttpRequest, body: SamplingIn, policy: SamplingPolicy | None
) -> SamplingPolicy:
    return save_sampling_policy(
        wanted=Sampling(**body.dict()),
        acting=get_acting(request),
        now=timezone.now(),
        policy=policy,
    )


def _sampling_out(policy: SamplingPolicy) -> dict[str, Any]:
    names = ("id", "flow", "step", "percent", "branch", "outcomes", "equivalents", "enabled")
    counts = ("drawn", "opened", "waiting")
    return {
        **{name: getattr(policy, name) for name in names},
        **{name: getattr(policy, f"{name}_count", 0) for name in counts},
        "revision": SAMPLING_POLICY.revision_of(policy),
    }

"""The page on which a lead sets how much is checked and which answers are known."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.models import Case, Queue
from reviews.models.quality import KnownAnswer, SamplingPolicy
from reviews.quality.forms import KnownAnswerForm, QueuePolicyForm, SamplingForm
from reviews.quality.selectors.lists import (
    list_checkpoints,
    list_known_answers,
    list_queue_policies,
    list_sampling_policies,
)
from reviews.quality.services.known_answers import add_known_answer, retire_known_answer
from reviews.quality.services.policies import save_sampling_policy, set_queue_policy
from reviews.selectors.acting import Acting, make_acting
from reviews.selectors.cases import get_visible_case
from reviews.selectors.editables import (
    KNOWN_ANSWER,
    QUEUE_SHARES,
    SAMPLING_POLICY,
)
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can
from workbench.http.revisions import Editable
from workbench.shell.editing import Edit

UNPROCESSABLE = 422


@require_GET
@requires("quality.manage", scope="rows")
def policies(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    """Show the page; ``bad`` is a form that is not valid, ``at`` says which of the page's it is."""
    principal = principal_of(request)
    at, typed = more.get("at", ""), more.get("typed")
    context = {
        "queues": [
            _row(f"queue-{each.name}", each, QUEUE_SHARES, QueuePolicyForm.initial_of, at, typed)
            for each in list_queue_policies(principal)
        ],
        "sampling": [
            _row(f"sampling-{each.pk}", each, SAMPLING_POLICY, SamplingForm.initial_of, at, typed)
            for each in list_sampling_policies(principal)
        ],
        "answers": [
            {"answer": each, "revision": KNOWN_ANSWER.revision_of(each)}
            for each in list_known_answers(principal)
        ],
        "checkpoints": list_checkpoints(principal),
        **more,
    }
    return render(request, "reviews/quality/policies.html", context, status=status)


def _row(
    name: str,
    row: Any,
    editable: Editable[Any],
    initial_of: Callable[[Any], Mapping[str, Any]],
    at: str,
    typed: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return what one form of the page shows: what is saved, or what was typed into it."""
    values = typed if typed is not None and name == at else initial_of(row)
    revision = typed.get("revision") if typed is not None and name == at else None
    return {
        "id": name,
        "row": row,
        "values": values,
        "revision": editable.revision_of(row) if revision is None else revision,
    }


@require_POST
@requires("quality.manage", scope="queue:name")
def queue_policy(request: HttpRequest, name: str) -> HttpResponse:
    queue = get_object_or_404(Queue, name=name)
    form = QueuePolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, UNPROCESSABLE, bad=form, at=f"queue-{name}", typed=request.POST)
    edit = Edit(request, QUEUE_SHARES, queue)
    return _act(
        request,
        f"The policy of {queue.title} holds from now on.",
        lambda acting, now: edit.save(
            lambda: set_queue_policy(queue=queue, acting=acting, now=now, **form.cleaned_data)
        ),
        f"queue-{name}",
        lambda: _conflict(edit, form, QueuePolicyForm.initial_of),
    )


@require_POST
@requires("quality.manage", scope="rows")
def add_sampling(request: HttpRequest) -> HttpResponse:
    return _save_sampling(request, None)


@require_POST
@requires("quality.manage", scope="rows")
def change_sampling(request: HttpRequest, policy_id: int) -> HttpResponse:
    policy = get_object_or_404(SamplingPolicy, pk=policy_id)
    _check_flow(request, policy.flow)
    return _save_sampling(request, policy)


def _save_sampling(request: HttpRequest, policy: SamplingPolicy | None) -> HttpResponse:
    at = f"sampling-{policy.pk}" if policy else "sampling-new"
    form = SamplingForm(request.POST)
    if not form.is_valid():
        return _page(request, UNPROCESSABLE, bad=form, at=at, typed=request.POST)
    wanted = form.sampling()
    _check_flow(request, wanted.flow)
    edit = Edit(request, SAMPLING_POLICY, policy)

    def save(acting: Acting, now: datetime) -> object:
        def write() -> SamplingPolicy:
            return save_sampling_policy(wanted=wanted, acting=acting, now=now, policy=policy)

        return write() if policy is None else edit.save(write)

    said = f"{wanted.percent:g} % of {wanted.flow} is sampled from now on."
    return _act(request, said, save, at, lambda: _conflict(edit, form, SamplingForm.initial_of))


def _check_flow(request: HttpRequest, flow: str) -> None:
    """Raises: Http404 for a flow that one does not lead."""
    if not can(principal_of(request), "quality.manage", flow=flow):
        raise Http404(f"There is no flow {flow} for you.")


@require_POST
@requires("quality.manage", scope="rows")
def add_answer(request: HttpRequest) -> HttpResponse:
    form = KnownAnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, UNPROCESSABLE, bad=form, at="answer-new")
    try:
        case = get_visible_case(form.cleaned_data["case"], principal_of(request), "quality.manage")
    except Case.DoesNotExist:
        form.add_error("case", "There is no such case for you.")
        return _page(request, UNPROCESSABLE, bad=form, at="answer-new")
    return _act(
        request,
        f"Copies of case {case.pk} are mixed into {case.queue.title}.",
        lambda acting, now: add_known_answer(
            case=case,
            outcome=form.cleaned_data["outcome"],
            note=form.cleaned_data["note"],
            acting=acting,
            now=now,
        ),
        "answer-new",
    )


@require_POST
@requires("quality.manage", scope="rows")
def retire_answer(request: HttpRequest, answer_id: int) -> HttpResponse:
    answer = get_object_or_404(KnownAnswer.objects.select_related("queue"), pk=answer_id)
    if not can(principal_of(request), "quality.manage", queue=answer.queue.name):
        raise Http404("There is no such known answer for you.")
    edit = Edit(request, KNOWN_ANSWER, answer)
    return _act(
        request,
        "The known answer is no longer mixed in. Settled checks stay.",
        lambda acting, now: edit.save(
            lambda: retire_known_answer(answer=answer, acting=acting, now=now)
        ),
        f"answer-{answer_id}",
        lambda: edit if edit.conflict else None,
    )


def _conflict(
    edit: Edit[Any], form: BaseForm, initial_of: Callable[[Any], Mapping[str, Any]]
) -> Edit[Any] | None:
    """Return the edit with what differs, if somebody else saved meanwhile."""
    edit.compare(form, initial_of)
    return edit if edit.conflict is not None else None


def _act(
    request: HttpRequest,
    message: str,
    act: Callable[..., object],
    at: str,
    find_conflict: Callable[[], Edit[Any] | None] = lambda: None,
) -> HttpResponse:
    """Call ``act(acting, now)``, then show the page with the message, or with what was wrong."""
    try:
        act(make_acting(principal_of(request)), timezone.now())
    except ReviewError as error:
        return _page(request, error.status, error=str(error), at=at, typed=request.POST)
    if (edit := find_conflict()) is not None:
        return _page(request, edit.status, edit=edit, at=at, typed=request.POST)
    messages.success(request, message)
    return redirect("quality:policies")

"""Comment, ask, answer and escalate from the page of a case."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from reviews.models import Case
from reviews.rules.attachments import MOST_BYTES, NewFile
from reviews.selectors.cases import search_people
from reviews.services.conversation import add_comment, escalate_case, reply, request_information
from reviews.views.acting import act_on_case
from reviews.views.gate import case_view


@require_GET
@case_view("cases.view")
def mentions(request: HttpRequest, case: Case) -> JsonResponse:
    """Return the people whom a comment may mention, as ``[{name, label}]``."""
    people = search_people(case, request.GET.get("q", "")[:150])
    found = [{"name": person.username, "label": person.label} for person in people]
    return JsonResponse(found, safe=False)


@require_POST
@case_view("cases.view")
def comment(request: HttpRequest, case: Case) -> HttpResponse:
    files = _read_files(request)
    return act_on_case(request, case, lambda acting, now: add_comment(
        case_id=case.pk, body=request.POST.get("body", ""), files=files, acting=acting, now=now
    ))  # fmt: skip


def _read_files(request: HttpRequest) -> list[NewFile]:
    """Return the files of the request, read no further than is needed to refuse them."""
    room, files = settings.MAX_COMMENT_BYTES + 1, []
    for file in request.FILES.getlist("files")[: settings.MAX_COMMENT_FILES + 1]:
        content = file.read(min(room, MOST_BYTES + 1))
        files.append(NewFile(file.name or "file", content))
        room -= len(content)
        if room <= 0:
            break
    return files


@require_POST
@case_view("cases.decide")
def information(request: HttpRequest, case: Case) -> HttpResponse:
    return act_on_case(request, case, lambda acting, now: request_information(
        case_id=case.pk, question=request.POST.get("question", ""),
        to=request.POST.get("to", ""), fields=request.POST.getlist("may_correct"),
        acting=acting, now=now
    ), following=True)  # fmt: skip


@require_POST
@case_view("cases.decide")
def answer(request: HttpRequest, case: Case) -> HttpResponse:
    """Record an answer that came another way, such as by phone."""
    return act_on_case(request, case, lambda acting, now: reply(
        case_id=case.pk, answer=request.POST.get("answer", ""), changes={},
        actor=acting.actor, now=now,
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def escalate(request: HttpRequest, case: Case) -> HttpResponse:
    return act_on_case(request, case, lambda acting, now: escalate_case(
        case_id=case.pk, comment=request.POST.get("comment", ""), acting=acting, now=now
    ), following=True)  # fmt: skip

"""The page Out of office: plan one's own absence or a colleague's, name who covers, end it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from reviews.errors import AbsenceInvalid, NotAuthorised
from reviews.models.team import Absence
from reviews.selectors.acting import Acting, make_acting
from reviews.selectors.lists import list_queues
from reviews.team.forms import AbsenceForm
from reviews.team.selectors import list_absences, list_deciders
from reviews.team.services.absences import end_absence, is_lead_of, plan_absence
from workbench.accounts.gate import principal_of, requires

# Field of the form, by the field that AbsenceInvalid names.
FORM_FIELDS = {"starts_at": "first_day", "ends_at": "last_day", "cover": "cover"}


@require_http_methods(["GET", "POST"])
@requires("cases.decide", scope="rows")
def absences(request: HttpRequest) -> HttpResponse:
    acting, now = make_acting(principal_of(request)), timezone.now()
    colleagues = list_deciders(list_queues(acting.principal))
    # Oneself first: that is whom most people plan for.
    led = [each for each in colleagues if each != acting.user and is_lead_of(acting, each)]
    people = [acting.user, *led]
    form = AbsenceForm(
        request.POST or None,
        people=people,
        covers=[each for each in colleagues if each != acting.user or led],
        initial={"person": request.GET.get("person", acting.user.username)},
    )
    sent = request.method == "POST"
    if sent and form.is_valid() and (planned := _plan(form, acting, now)):
        messages.success(request, f"The absence of {planned.person.label} is planned.")
        return redirect("reviews:absences")
    context: dict[str, Any] = {
        "form": form,
        "rows": [
            {"absence": each, "state": each.state(now), "may_end": each.person in people}
            for each in list_absences(colleagues, now)
        ],
        "alone": not led,
    }
    return render(request, "reviews/team/absences.html", context, status=422 if sent else 200)


def _plan(form: AbsenceForm, acting: Acting, now: datetime) -> Absence | None:
    """Plan the absence; return None, with the problem on the form, if that is refused."""
    try:
        return plan_absence(
            person=form.person_chosen(),
            starts_at=form.starts_at(),
            ends_at=form.ends_at(),
            cover=form.cover_chosen(),
            note=form.cleaned_data["note"],
            acting=acting,
            now=now,
        )
    except AbsenceInvalid as error:
        form.add_error(FORM_FIELDS[error.field], str(error))
    except NotAuthorised as error:
        form.add_error("person", str(error))
    return None


@require_POST
@requires("cases.decide", scope="rows")
def end(request: HttpRequest, absence_id: int) -> HttpResponse:
    acting = make_acting(principal_of(request))
    try:
        end_absence(absence_id=absence_id, acting=acting, now=timezone.now())
    except Absence.DoesNotExist:
        raise Http404("There is no such absence.") from None
    except NotAuthorised as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, "The absence is over. Cases that were passed on stay where they are."
        )
    return redirect("reviews:absences")

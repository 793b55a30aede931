"""The page of a reviewer's authority level and skills."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from reviews.errors import NotAuthorised, SettingsInvalid
from reviews.selectors.acting import Acting, get_reviewer, make_acting
from reviews.settings.forms.fields import add_problems
from reviews.team.forms import ReviewerForm
from reviews.team.services.reviewers import set_reviewer
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.models import User


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="installation")
def reviewer(request: HttpRequest, username: str) -> HttpResponse:
    """Show and set a level and skills, which hold in every queue."""
    person = get_object_or_404(User, username=username, is_active=True)
    acting = make_acting(principal_of(request))
    known = get_reviewer(person)
    first = {"level": known.level, "skills": ", ".join(known.skills)}
    form = ReviewerForm(request.POST or None, initial=first)
    sent = request.method == "POST"
    if sent and form.is_valid() and _save(person, form, acting):
        return redirect("reviews:team")
    context = {"person": person, "form": form, "own": person == acting.user}
    return render(request, "reviews/team/reviewer.html", context, status=422 if sent else 200)


def _save(person: User, form: ReviewerForm, acting: Acting) -> bool:
    """Save the reviewer; return False, with the problem on the form, if that is refused."""
    try:
        set_reviewer(
            person=person,
            level=form.cleaned_data["level"],
            skills=form.cleaned_data["skills"],
            actor=acting.actor,
            by=acting.user,
            now=timezone.now(),
        )
    except SettingsInvalid as error:
        add_problems(form, error.problems, {})
        return False
    except NotAuthorised as error:
        form.add_error(None, str(error))
        return False
    return True

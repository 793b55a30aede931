"""The page of a reviewer's authority level and skills."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from reviews.errors import NotAuthorised, SettingsInvalid
from reviews.models import Reviewer
from reviews.selectors.acting import Acting, get_reviewer, make_acting
from reviews.selectors.editables import REVIEWER
from reviews.settings.forms.fields import add_problems
from reviews.team.forms import ReviewerForm
from reviews.team.services.reviewers import set_reviewer
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.models import User
from workbench.shell.editing import Edit


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="installation")
def reviewer(request: HttpRequest, username: str) -> HttpResponse:
    """Show and set a level and skills, which hold in every queue."""
    person = get_object_or_404(User, username=username, is_active=True)
    acting = make_acting(principal_of(request))
    form = ReviewerForm(request.POST or None, initial=_initial_of(person))
    edit = Edit(request, REVIEWER, person)
    if edit.sent and form.is_valid() and _save(edit, person, form, acting):
        return redirect("reviews:team")
    edit.compare(form, _initial_of)
    context = {"person": person, "form": form, "edit": edit, "own": person == acting.user}
    return render(request, "reviews/team/reviewer.html", context, status=edit.status)


def _initial_of(person: User) -> dict[str, Any]:
    known = get_reviewer(person)
    return {"level": known.level, "skills": ", ".join(known.skills)}


def _save(edit: Edit[User], person: User, form: ReviewerForm, acting: Acting) -> Reviewer | None:
    """Save the reviewer; return None, with the problem on the page, if that is refused."""
    try:
        return edit.save(
            lambda: set_reviewer(
                person=person,
                level=form.cleaned_data["level"],
                skills=form.cleaned_data["skills"],
                actor=acting.actor,
                by=acting.user,
                now=timezone.now(),
            )
        )
    except SettingsInvalid as error:
        add_problems(form, error.problems, {})
    except NotAuthorised as error:
        form.add_error(None, str(error))
    return None

"""The forms of a team: an absence, a reviewer's level and skills."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from reviews.team.services.reviewers import MAX_LEVEL
from workbench.accounts.models import User

DATE = forms.DateInput(attrs={"class": "input", "type": "date"})


class AbsenceForm(forms.Form):
    """From the first day to the last, both included, in the time zone of who plans it."""

    person = forms.ChoiceField(label="Who", widget=forms.Select(attrs={"class": "select"}))
    first_day = forms.DateField(label="First day", widget=DATE)
    last_day = forms.DateField(label="Last day", widget=DATE)
    cover = forms.ChoiceField(
        label="Covered by",
        required=False,
        widget=forms.Select(attrs={"class": "select"}),
        help_text="Gets the cases. If nobody covers, they go back to their queues.",
    )
    note = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput(attrs={"class": "input"})
    )

    def __init__(
        self, *args: Any, people: Iterable[User], covers: Iterable[User], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.by_name = {each.username: each for each in (*people, *covers)}
        person, cover = self.fields["person"], self.fields["cover"]
        person.choices = [(each.username, each.label) for each in people]  # type: ignore[attr-defined]
        cover.choices = [("", "Nobody"), *((each.username, each.label) for each in covers)]  # type: ignore[attr-defined]

    def starts_at(self) -> datetime:
        return _midnight(self.cleaned_data["first_day"])

    def ends_at(self) -> datetime:
        return _midnight(self.cleaned_data["last_day"] + timedelta(days=1))

    def person_chosen(self) -> User:
        return self.by_name[self.cleaned_data["person"]]

    def cover_chosen(self) -> User | None:
        return self.by_name.get(self.cleaned_data["cover"])


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class ReviewerForm(forms.Form):
    level = forms.IntegerField(
        label="Authority level",
        min_value=1,
        max_value=MAX_LEVEL,
        widget=forms.NumberInput(attrs={"class": "input"}),
        help_text="What they may approve, by the queue's authority matrix. From level 2 on they "
        "may take escalated cases.",
    )
    skills = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"class": "input", "spellcheck": "false"}),
        help_text="Separated by commas, such as mortgage, french.",
    )

    def clean_skills(self) -> list[str]:
        return [skill.strip() for skill in self.cleaned_data["skills"].split(",") if skill.strip()]

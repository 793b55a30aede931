"""The form of an SLA policy, and that of one of its steps."""

from typing import Any

from django import forms
from django.utils.text import slugify

from reviews.models import BreachAction, Queue, SlaPolicy, WorkCalendar
from reviews.rules.sla import ESCALATE, LEAD, PERSON, REMIND, TO_QUEUE, WARN
from reviews.settings.forms.fields import DurationField, style_fields
from workbench.accounts.models import User

Json = Any


class PolicyForm(forms.Form):
    title = forms.CharField(max_length=120, help_text="What people call the policy.")
    calendar = forms.ModelChoiceField(
        WorkCalendar.objects.order_by("name"), to_field_name="name", empty_label=None
    )
    due_minutes = DurationField(
        label="Due after", initial=480, help_text="Working time from opening, such as 8h."
    )
    breach = forms.ChoiceField(
        label="Then, if nobody decided",
        choices=BreachAction.choices,
        help_text="Silence never approves: there is no such choice.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        style_fields(self)

    @staticmethod
    def initial_of(policy: SlaPolicy) -> dict[str, Json]:
        return {
            "title": policy.title,
            "calendar": policy.calendar,
            "due_minutes": policy.due_minutes,
            "breach": policy.breach,
        }

    def new_name(self) -> str:
        return str(slugify(self.cleaned_data["title"]))[:80]


class StepForm(forms.Form):
    """One step of the policy; an empty line is left out."""

    act = forms.ChoiceField(
        required=False,
        choices=[("", "-"), (WARN, "Mark as due soon"), (REMIND, "Remind"), (ESCALATE, "Escalate")],
    )
    after_minutes = DurationField(
        required=False, label="After", widget=forms.TextInput(attrs={"placeholder": "4h"})
    )
    to = forms.ChoiceField(required=False, label="To")

    def __init__(self, *args: Any, to_choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = to_choices  # type: ignore[attr-defined]
        style_fields(self)

    def step(self) -> dict[str, Json] | None:
        """Return the step as the policy stores it; None for an empty line."""
        data = self.cleaned_data
        if not data.get("act"):
            return None
        kept = {"act": data["act"], "after_minutes": data.get("after_minutes")}
        return {**kept, "to": data["to"]} if data.get("to") and data["act"] != WARN else kept


StepFormSet = forms.formset_factory(StepForm, extra=2, max_num=12, absolute_max=20)


def list_targets() -> list[tuple[str, str]]:
    """Return the choices of whom a step may address, as (value, label): two queries."""
    people = User.objects.filter(is_active=True, grants__role__in=["reviewer", "lead"]).distinct()
    return [
        ("", "Choose"),
        ("holder", "Who holds the case"),
        (LEAD, "The team leads"),
        *((f"{TO_QUEUE}{queue.name}", f"Queue {queue.title}") for queue in Queue.objects.all()),
        *((f"{PERSON}{each.username}", each.label) for each in people.order_by("username")),
    ]

"""The forms of queues, SLA policies and calendars."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.text import slugify

from reviews.models import BreachAction, Queue, SlaPolicy, WorkCalendar
from reviews.rules.access import CLAIM, DECIDE, SEE
from reviews.rules.sla import ESCALATE, LEAD, PERSON, REMIND, TO_QUEUE, WARN, WEEKDAYS
from workbench.accounts.models import User

Json = Any
_DURATION = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*", re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,2}(?::\d{2})?)\s*[-\u2013]\s*(\d{1,2}(?::\d{2})?)")
SECONDS_AN_HOUR, MINUTES_AN_HOUR = 3600, 60


def minutes_from(text: str) -> int:
    """Read working time such as ``8h``, ``1h 30m``, ``45m``. Raises: ValueError."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise ValueError("Write working time as 8h, 1h 30m or 45m.")
    hours, minutes = found.groups()
    return round(float(hours or 0) * MINUTES_AN_HOUR) + int(minutes or 0)


def minutes_text(minutes: float) -> str:
    hours, left = divmod(round(minutes), MINUTES_AN_HOUR)
    return " ".join(part for part in (hours and f"{hours}h", left and f"{left}m") if part) or "0m"


class DurationField(forms.CharField):
    """Working minutes, typed as ``8h 30m``."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return minutes_from(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def prepare_value(self, value: Any) -> Any:
        return minutes_text(value) if isinstance(value, int | float) else value


def styled(form: forms.BaseForm) -> None:
    """Give each field the class of its kind."""
    for field in form.fields.values():
        if isinstance(field.widget, forms.Select):
            field.widget.attrs.setdefault("class", "select")
        elif isinstance(field.widget, forms.Textarea):
            field.widget.attrs.setdefault("class", "textarea")
        elif not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
            field.widget.attrs.setdefault("class", "input")


# --- Calendars ------------------------------------------------------------------------


class CalendarForm(forms.Form):
    name = forms.SlugField(max_length=80, help_text="Small letters, digits and dashes.")
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        initial="Europe/Berlin",
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    country = forms.CharField(
        required=False,
        max_length=2,
        label="Public holidays of",
        help_text="A country's two letters, such as DE. Empty: none.",
    )
    subdivision = forms.CharField(
        required=False, max_length=10, label="In its part", help_text="Such as BE for Berlin."
    )
    closed = forms.CharField(
        required=False,
        label="Closed besides",
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "2026-12-24"}),
        help_text="One date a line, as 2026-12-24.",
    )

    def __init__(self, *args: Any, new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not new:
            del self.fields["name"]
        for day in WEEKDAYS:
            self.fields[day] = forms.CharField(
                required=False,
                label=day.capitalize(),
                widget=forms.TextInput(attrs={"placeholder": "closed", "autocomplete": "off"}),
            )
        styled(self)

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    def clean_closed(self) -> list[str]:
        lines = self.cleaned_data["closed"].split()
        try:
            return sorted({date.fromisoformat(line).isoformat() for line in lines})
        except ValueError as error:
            raise forms.ValidationError("Write each date as 2026-12-24.") from error

    def clean(self) -> dict[str, Json]:
        for day in WEEKDAYS:
            text = self.cleaned_data.get(day, "")
            spans = _HOURS.findall(text)
            if _HOURS.sub("", text).strip(" ,;"):
                self.add_error(day, "Write 09:00-12:00, 13:00-17:00.")
            self.cleaned_data[day] = [[_clock(one), _clock(other)] for one, other in spans]
        return self.cleaned_data

    def values(self) -> dict[str, Json]:
        """Return what ``save_calendar`` takes."""
        names = ("time_zone", "country", "subdivision", "closed")
        hours = {day: self.cleaned_data[day] for day in WEEKDAYS if self.cleaned_data[day]}
        return {**{name: self.cleaned_data[name] for name in names}, "hours": hours}

    @staticmethod
    def initial_of(calendar: WorkCalendar) -> dict[str, Json]:
        hours = {
            day: ", ".join(f"{opens}-{closes}" for opens, closes in spans)
            for day, spans in calendar.hours.items()
        }
        return {
            "time_zone": calendar.time_zone,
            "country": calendar.country,
            "subdivision": calendar.subdivision,
            "closed": "\n".join(calendar.closed),
            **hours,
        }


def _clock(text: str) -> str:
    hour, _, minute = text.partition(":")
    return f"{int(hour):02d}:{minute or '00'}"


def time_zones() -> list[str]:
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


# --- Policies -------------------------------------------------------------------------


def targets() -> list[tuple[str, str]]:
    """Return whom a step may turn to: value and words. Two queries."""
    people = User.objects.filter(is_active=True, grants__role__in=["reviewer", "lead"]).distinct()
    return [
        ("", "Choose"),
        ("holder", "Who holds the case"),
        (LEAD, "The team leads"),
        *((f"{TO_QUEUE}{queue.name}", f"Queue {queue.title}") for queue in Queue.objects.all()),
        *((f"{PERSON}{each.username}", each.label) for each in people.order_by("username")),
    ]


class PolicyForm(forms.Form):
    title = forms.CharField(max_length=120, help_text="What people call the promise.")
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
        styled(self)

    @staticmethod
    def initial_of(policy: SlaPolicy) -> dict[str, Json]:
        return {
            "title": policy.title,
            "calendar": policy.calendar,
            "due_minutes": policy.due_minutes,
            "breach": policy.breach,
        }

    def name_of_new(self) -> str:
        return str(slugify(self.cleaned_data["title"]))[:80]


class StepForm(forms.Form):
    """A line of the chain; an empty one is left out."""

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
        styled(self)

    def step(self) -> dict[str, Json] | None:
        """Return the step as the policy keeps it, None where the line is empty."""
        data = self.cleaned_data
        if not data.get("act"):
            return None
        kept = {"act": data["act"], "after_minutes": data.get("after_minutes")}
        return {**kept, "to": data["to"]} if data.get("to") and data["act"] != WARN else kept


StepFormSet = forms.formset_factory(StepForm, extra=2, max_num=12, absolute_max=20)


# --- Queues ---------------------------------------------------------------------------


class QueueForm(forms.Form):
    """Settings of a queue, in the units people think in: minutes, hours, per cent."""

    title = forms.CharField(max_length=120)
    description = forms.CharField(required=False, max_length=300)
    sla = forms.IntegerField(
        label="By due time rather than by age",
        min_value=0,
        max_value=100,
        help_text="Per cent: 100 is by due time alone, 0 by age alone.",
    )
    priority_hours = forms.FloatField(
        label="A step of priority is worth",
        min_value=0,
        max_value=1000,
        help_text="Hours by which a case comes earlier for each step above low.",
    )
    value_hours = forms.FloatField(
        label="1,000 of value are worth",
        min_value=0,
        max_value=1000,
        help_text="Hours by which a case comes earlier for each 1,000 at stake.",
    )
    lease_minutes = forms.IntegerField(
        label="A claim lasts", min_value=1, max_value=1440,
        help_text="Minutes without a sign of life, after which the case is free again.",
    )  # fmt: skip
    familiar_minutes = forms.IntegerField(
        label="A returned case is kept for",
        min_value=0,
        max_value=100_000,
        help_text="Minutes for who worked on it before; 0: for anyone.",
    )
    work_limit = forms.IntegerField(
        label="Most cases a person holds", min_value=0, max_value=1000, help_text="0: no limit."
    )
    commit_window_seconds = forms.IntegerField(
        label="A decision can be undone for", min_value=0, max_value=120, help_text="Seconds."
    )
    see_skills = forms.CharField(
        required=False, label="Skills to see it",
        help_text="Commas between. Leads, auditors and admins see it anyway.",
    )  # fmt: skip
    claim_skills = forms.CharField(required=False, label="Skills to claim")
    decide_skills = forms.CharField(required=False, label="Skills to decide")
    claim_roles = forms.ChoiceField(required=False, label="Who claims")
    decide_roles = forms.ChoiceField(required=False, label="Who decides")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("claim_roles", "decide_roles"):
            self.fields[name].choices = [("", "Reviewers and leads"), ("lead", "Leads only")]  # type: ignore[attr-defined]
        styled(self)

    def ordering(self) -> dict[str, float]:
        data = self.cleaned_data
        return {
            "sla": data["sla"] / 100,
            "priority": data["priority_hours"] * SECONDS_AN_HOUR,
            "value": data["value_hours"] * SECONDS_AN_HOUR,
        }

    def values(self) -> dict[str, Json]:
        """Return what ``change_queue`` takes."""
        data = self.cleaned_data
        access: dict[str, Json] = {}
        for act in (SEE, CLAIM, DECIDE):
            rule: dict[str, list[str]] = {}
            if skills := _names(data[f"{act}_skills"]):
                rule["skills"] = skills
            if role := data.get(f"{act}_roles"):
                rule["roles"] = [role]
            if rule:
                access[act] = rule
        return {
            "title": data["title"],
            "description": data["description"],
            "ordering": self.ordering(),
            "lease_seconds": data["lease_minutes"] * 60,
            "commit_window_seconds": data["commit_window_seconds"],
            "work_limit": data["work_limit"],
            "familiar_minutes": data["familiar_minutes"],
            # The queue's own skills hold for both; what is set here says it for each.
            "skills": [],
            "access": access,
        }

    @staticmethod
    def initial_of(queue: Queue, ordering: Any) -> dict[str, Json]:
        def skills(act: str) -> str:
            own = queue.skills if act != SEE else []
            return ", ".join(sorted({*own, *queue.access.get(act, {}).get("skills", [])}))

        def role(act: str) -> str:
            roles = queue.access.get(act, {}).get("roles", [])
            return "lead" if roles == ["lead"] else ""

        return {
            "title": queue.title,
            "description": queue.description,
            "sla": round(ordering.sla * 100),
            "priority_hours": f"{ordering.priority / SECONDS_AN_HOUR:g}",
            "value_hours": f"{ordering.value / SECONDS_AN_HOUR:g}",
            "lease_minutes": queue.lease_seconds // 60,
            "familiar_minutes": queue.familiar_minutes,
            "work_limit": queue.work_limit,
            "commit_window_seconds": queue.commit_window_seconds,
            "see_skills": skills(SEE),
            "claim_skills": skills(CLAIM),
            "decide_skills": skills(DECIDE),
            "claim_roles": role(CLAIM),
            "decide_roles": role(DECIDE),
        }


def _names(text: str) -> list[str]:
    return sorted({name.strip() for name in text.split(",") if name.strip()})


def add_problems(
    form: forms.BaseForm, problems: Mapping[str, str], names: Mapping[str, str]
) -> None:
    """Put each problem on the field it is about; ``names`` maps those that differ."""
    for field, problem in problems.items():
        name = names.get(field, field)
        form.add_error(name if name in form.fields else None, problem)

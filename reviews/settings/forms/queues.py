"""The form of a queue's settings."""

from typing import Any

from django import forms

from reviews.models import Queue
from reviews.rules.access import CLAIM, DECIDE, SEE
from reviews.rules.ordering import Ordering
from reviews.settings.forms.authority import EXAMPLE, read_matrix, write_matrix
from reviews.settings.forms.fields import style_fields

Json = Any
SECONDS_AN_HOUR, SECONDS_A_MINUTE = 3600, 60


class QueueForm(forms.Form):
    """A queue's settings in the units that people think in: minutes, hours, per cent."""

    title = forms.CharField(max_length=120)
    description = forms.CharField(required=False, max_length=300)
    sla = forms.IntegerField(
        label="Weight of the due time against age",
        min_value=0,
        max_value=100,
        help_text="Per cent: 100 orders by due time alone, 0 by age alone.",
    )
    priority_hours = forms.FloatField(
        label="Each step of priority is worth",
        min_value=0,
        max_value=1000,
        help_text="Hours by which a case moves up for each step above low.",
    )
    value_hours = forms.FloatField(
        label="Each 1,000 of value is worth",
        min_value=0,
        max_value=1000,
        help_text="Hours by which a case moves up for each 1,000 at stake.",
    )
    lease_minutes = forms.IntegerField(
        label="A claim lasts", min_value=1, max_value=1440,
        help_text="Minutes without activity, after which the case is free again.",
    )  # fmt: skip
    familiar_minutes = forms.IntegerField(
        label="A returned case is reserved for",
        min_value=0,
        max_value=100_000,
        help_text="Minutes, for the person who worked on it before. 0: not reserved.",
    )
    work_limit = forms.IntegerField(
        label="Most cases a person holds", min_value=0, max_value=1000, help_text="0: no limit."
    )
    commit_window_seconds = forms.IntegerField(
        label="A decision can be undone for", min_value=0, max_value=120, help_text="Seconds."
    )
    see_skills = forms.CharField(
        required=False, label="Skills to see it",
        help_text="Separated by commas. Leads, auditors and admins see it anyway.",
    )  # fmt: skip
    claim_skills = forms.CharField(required=False, label="Skills to claim")
    decide_skills = forms.CharField(required=False, label="Skills to decide")
    claim_roles = forms.ChoiceField(required=False, label="Who claims")
    decide_roles = forms.ChoiceField(required=False, label="Who decides")
    authority = forms.CharField(
        required=False,
        max_length=8000,
        label="What an approval needs",
        widget=forms.Textarea(
            attrs={"rows": 5, "spellcheck": "false", "placeholder": EXAMPLE, "class": "input mono"}
        ),
        help_text="A row on each line: up_to, product, exceptions (yes or no), level, approvers. "
        "The first row that covers a case holds; a refund counts by its size, and without an "
        "amount only rows without up_to hold. Empty: one person of any level approves.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("claim_roles", "decide_roles"):
            self.fields[name].choices = [("", "Reviewers and leads"), ("lead", "Leads only")]  # type: ignore[attr-defined]
        style_fields(self)

    def clean_authority(self) -> list[dict[str, Json]]:
        try:
            return read_matrix(self.cleaned_data["authority"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def ordering(self) -> dict[str, float]:
        data = self.cleaned_data
        return {
            "sla": data["sla"] / 100,
            "priority": data["priority_hours"] * SECONDS_AN_HOUR,
            "value": data["value_hours"] * SECONDS_AN_HOUR,
        }

    def access(self) -> dict[str, Json]:
        """Return who may see, claim and decide, as ``Queue.access`` stores it."""
        data = self.cleaned_data
        access: dict[str, Json] = {}
        for act in (SEE, CLAIM, DECIDE):
            rule: dict[str, list[str]] = {}
            if skills := _split_names(data[f"{act}_skills"]):
                rule["skills"] = skills
            if role := data.get(f"{act}_roles"):
                rule["roles"] = [role]
            if rule:
                access[act] = rule
        return access

    def values(self) -> dict[str, Json]:
        """Return what ``change_queue`` takes."""
        data = self.cleaned_data
        return {
            "title": data["title"],
            "description": data["description"],
            "ordering": self.ordering(),
            "lease_seconds": data["lease_minutes"] * SECONDS_A_MINUTE,
            "commit_window_seconds": data["commit_window_seconds"],
            "work_limit": data["work_limit"],
            "familiar_minutes": data["familiar_minutes"],
            # Skills of the queue itself hold for claiming and deciding; this form sets each apart.
            "skills": [],
            "access": self.access(),
            # A program that posts the form as it was before keeps the matrix.
            **({"authority": data["authority"]} if "authority" in self.data else {}),
        }

    @staticmethod
    def initial_of(queue: Queue, ordering: Ordering) -> dict[str, Json]:
        return {
            "title": queue.title,
            "description": queue.description,
            "sla": round(ordering.sla * 100),
            "priority_hours": f"{ordering.priority / SECONDS_AN_HOUR:g}",
            "value_hours": f"{ordering.value / SECONDS_AN_HOUR:g}",
            "lease_minutes": queue.lease_seconds // SECONDS_A_MINUTE,
            "familiar_minutes": queue.familiar_minutes,
            "work_limit": queue.work_limit,
            "commit_window_seconds": queue.commit_window_seconds,
            "see_skills": _join_skills(queue, SEE),
            "claim_skills": _join_skills(queue, CLAIM),
            "decide_skills": _join_skills(queue, DECIDE),
            "claim_roles": _role_for(queue, CLAIM),
            "decide_roles": _role_for(queue, DECIDE),
            "authority": write_matrix(queue.authority),
        }


def _join_skills(queue: Queue, act: str) -> str:
    own = queue.skills if act != SEE else []
    return ", ".join(sorted({*own, *queue.access.get(act, {}).get("skills", [])}))


def _role_for(queue: Queue, act: str) -> str:
    roles = queue.access.get(act, {}).get("roles", [])
    return "lead" if roles == ["lead"] else ""


def _split_names(text: str) -> list[str]:
    return sorted({name.strip() for name in text.split(",") if name.strip()})

"""The forms of the quality pages, and the filter in their query."""

from datetime import date
from typing import Any

from django import forms

from reviews.finding import BIGGEST_ID
from reviews.models import Queue
from reviews.models.quality import SamplingPolicy
from reviews.quality.figures import Filter
from reviews.quality.services.policies import Sampling
from reviews.selectors.editables import SHARES


class FilterForm(forms.Form):
    """The filter of the quality page; a value that is not valid is left out."""

    flow = forms.CharField(required=False, max_length=80)
    queue = forms.CharField(required=False, max_length=80)
    reviewer = forms.CharField(required=False, max_length=150)
    version = forms.CharField(required=False, max_length=120)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)

    def filter(self, *, people: bool) -> Filter:
        """Return the filter, without a reviewer for those who may not see figures of people."""
        self.is_valid()
        values: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        if not people:
            values.pop("reviewer", None)
        return Filter(**values)


class QueuePolicyForm(forms.Form):
    second_percent = forms.FloatField(min_value=0, max_value=100)
    known_percent = forms.FloatField(min_value=0, max_value=100)
    independent_percent = forms.FloatField(min_value=0, max_value=100)

    @staticmethod
    def initial_of(queue: Queue) -> dict[str, str]:
        # A list of queues has the policy of each read before.
        policy = getattr(queue, "quality_policy", None)
        return {name: f"{getattr(policy, name, 0):g}" for name in SHARES}


class SamplingForm(forms.Form):
    """``outcomes`` are separated by commas, ``equivalents`` are ``a=b`` pairs."""

    flow = forms.CharField(max_length=80)
    step = forms.CharField(max_length=80)
    percent = forms.FloatField(min_value=0, max_value=100)
    branch = forms.CharField(required=False, max_length=161)
    outcomes = forms.CharField(required=False, max_length=400)
    equivalents = forms.CharField(required=False, max_length=400)
    enabled = forms.BooleanField(required=False)

    @staticmethod
    def initial_of(policy: SamplingPolicy) -> dict[str, Any]:
        pairs = policy.equivalents.items()
        return {
            **{name: getattr(policy, name) for name in ("flow", "step", "branch", "enabled")},
            "percent": f"{policy.percent:g}",
            "outcomes": ", ".join(policy.outcomes),
            "equivalents": ", ".join(f"{outcome}={case}" for outcome, case in pairs),
        }

    def clean_equivalents(self) -> dict[str, str]:
        pairs = _split(self.cleaned_data["equivalents"])
        if wrong := [pair for pair in pairs if pair.count("=") != 1]:
            raise forms.ValidationError(f"Write `{wrong[0]}` as a pair: declined=rejected.")
        found = (pair.split("=") for pair in pairs)
        return {outcome.strip(): case.strip() for outcome, case in found}

    def clean_outcomes(self) -> list[str]:
        return _split(self.cleaned_data["outcomes"])

    def sampling(self) -> Sampling:
        return Sampling(**self.cleaned_data)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class KnownAnswerForm(forms.Form):
    case = forms.IntegerField(min_value=1, max_value=BIGGEST_ID)
    outcome = forms.CharField(max_length=80)
    note = forms.CharField(required=False, max_length=500)


class DatasetForm(forms.Form):
    """A new version of a dataset; ``leave_out`` are keys of fields to leave out of each row."""

    name = forms.SlugField(max_length=80)
    flow = forms.CharField(required=False, max_length=80)
    queue = forms.CharField(required=False, max_length=80)
    outcome = forms.CharField(required=False, max_length=80)
    only_corrected = forms.BooleanField(required=False)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    leave_out = forms.CharField(required=False, max_length=400)
    named_reviewers = forms.BooleanField(required=False)
    with_places = forms.BooleanField(required=False)
    note = forms.CharField(required=False, max_length=500)

    def clean_leave_out(self) -> list[str]:
        return _split(self.cleaned_data["leave_out"])

    def filter(self) -> dict[str, Any]:
        kept = {k: v for k, v in self.cleaned_data.items() if k not in {"name", "note"} and v}
        return {k: v.isoformat() if isinstance(v, date) else v for k, v in kept.items()}

"""The form that a contract is learned by."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from flows.assets.models import Asset
from flows.costs.periods import LONGEST_DAYS, Period
from flows.models import Flow
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach

Json = Any
USUAL_DAYS = 28
MOST_FLOWS = 500
# Steps that give nothing of their own.
WITHOUT_OUTPUT = frozenset({"end", "join", "branch", "wait"})
Choice = tuple[str, list[tuple[str, str]]]


def list_steps(found: Reach) -> Iterator[Choice]:
    """Yield the steps of released flows whose runs a person may see, by flow. One query."""
    flows = Flow.objects.filter(within_reach(found), released__isnull=False)
    rows = flows.order_by("title").values_list("name", "title", "released__document")
    for name, title, document in rows[:MOST_FLOWS]:
        steps = [
            (f"{name}:{step}", f"{given.get('title') or step}")
            for step, given in document.get("steps", {}).items()
            if given.get("type") not in WITHOUT_OUTPUT
        ]
        yield title, steps


class LearnForm(forms.Form):
    """``of`` is ``flow:step``. The window's days are in UTC, both included.

    A contract that there is already, ``asset``, keeps its name.
    """

    of = forms.ChoiceField(label="Step", help_text="Of a released flow.")
    first = forms.DateField(label="From", widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label="To", widget=forms.DateInput({"type": "date"}))
    version = forms.IntegerField(
        label="Version of the flow", required=False, min_value=1, max_value=2**31 - 1,
        help_text="Left empty: any.",
    )  # fmt: skip
    name = forms.SlugField(
        label="Name of the contract", max_length=80, required=False,
        help_text="Left empty: flow and step.",
    )  # fmt: skip

    def __init__(
        self, *args: Any, steps: Iterator[Choice], asset: Asset | None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        if asset is not None:
            del self.fields["name"]
        of = self.fields["of"]
        assert isinstance(of, forms.ChoiceField)
        of.choices = [("", "Choose a step"), *steps]
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "select" if name == "of" else "input"

    @staticmethod
    def suggest(now: datetime, asset: Asset | None) -> dict[str, Json]:
        """Return what the form begins with: the last weeks, up to yesterday."""
        last = now.astimezone(UTC).date() - timedelta(days=1)
        return {
            "of": f"{asset.draft.get('flow')}:{asset.draft.get('step')}" if asset else "",
            "first": last - timedelta(days=USUAL_DAYS - 1),
            "last": last,
        }

    def clean(self) -> dict[str, Json]:
        given = super().clean() or self.cleaned_data
        first, last = given.get("first"), given.get("last")
        if first and last and first > last:
            self.add_error("first", "The first day is after the last. Write the earlier one first.")
        if first and last and (last - first).days >= LONGEST_DAYS:
            self.add_error("first", f"That is over {LONGEST_DAYS} days. Choose fewer.")
        return given

    @property
    def window(self) -> dict[str, Json]:
        """Of what to learn: flow, step, period and version."""
        given = self.cleaned_data
        flow, _, step = given["of"].partition(":")
        period = Period(given["first"], given["last"])
        return {"flow": flow, "step": step, "period": period, "version": given["version"]}

    @property
    def chosen_name(self) -> str:
        """How a new contract is called."""
        usual = re.sub(r"[^\w-]", "-", self.cleaned_data["of"], flags=re.ASCII)
        return str(self.cleaned_data["name"] or usual[:80])

"""The form of a budget."""

from typing import Any

from django import forms
from pydantic import ValidationError

from flows.connections.forms import NumberField
from flows.connections.models import Connection
from flows.costs.budgets import BudgetKey, BudgetSettings
from flows.models import Flow
from flows.spending.models import Budget, Payer, Period, Reached

Json = Any
PERCENT = 100


class BudgetForm(forms.Form):
    """``target`` is ``payer:name``. What a budget is for is chosen once, and stays."""

    target = forms.ChoiceField(label="For")
    period = forms.ChoiceField(
        choices=Period.choices, initial=Period.MONTH, help_text="Days and months begin at 0:00 UTC."
    )
    amount = NumberField(required=True, label="At most")
    warn_at = NumberField(
        required=True, label="Warn from (%)", initial=80, help_text="Of the amount."
    )
    when_reached = forms.ChoiceField(
        label="When it is spent",
        choices=[
            (Reached.STOP, "Refuse further calls, by port budget"),
            (Reached.WARN, "Only warn"),
        ],
        initial=Reached.STOP,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, row: Budget | None, **more: Any) -> None:
        super().__init__(*args, **more)
        if row is not None:
            del self.fields["target"], self.fields["period"]
        else:
            target = self.fields["target"]
            assert isinstance(target, forms.ChoiceField)
            target.choices = _list_targets()
        for name, field in self.fields.items():
            if name != "when_reached":
                field.widget.attrs["class"] = "select" if hasattr(field, "choices") else "input"

    @property
    def key(self) -> BudgetKey:
        """What a new budget is for."""
        payer, _, name = str(self.cleaned_data["target"]).partition(":")
        return BudgetKey(payer, name, self.cleaned_data["period"])

    def read_settings(self) -> BudgetSettings | None:
        """Return what was filled in, or None with the faults at their fields."""
        given = self.cleaned_data
        try:
            return BudgetSettings(
                amount=float(given["amount"]),
                warn_at=float(given["warn_at"]) / PERCENT,
                when_reached=given["when_reached"],
            )
        except ValidationError as error:
            for fault in error.errors():
                self.add_problem(str(fault["loc"][0]), _explain(str(fault["loc"][0])))
            return None

    def add_problem(self, field: str, message: str) -> None:
        known = {"payer": "target", "name": "target"}.get(field, field)
        self.add_error(known if known in self.fields else None, message)

    @staticmethod
    def initial_of(row: Budget) -> dict[str, Json]:
        return {
            "amount": float(row.amount),
            "warn_at": round(row.warn_at * PERCENT, 6),
            "when_reached": row.when_reached,
        }


def _explain(field: str) -> str:
    if field == "warn_at":
        return "Write a share above 0 and up to 100 %."
    return "Write an amount above 0, and below a billion."


def _list_targets() -> list[Any]:
    """Return what a budget can be for: two queries."""
    connections = Connection.objects.order_by("title").values_list("name", "title")
    flows = Flow.objects.filter(archived_at=None).order_by("title").values_list("name", "title")
    groups = [("Connections", Payer.CONNECTION, connections), ("Flows", Payer.FLOW, flows)]
    return [
        (f"{Payer.ALL}:", "Everything"),
        *(
            (label, [(f"{payer}:{name}", title) for name, title in rows])
            for label, payer, rows in groups
            if rows
        ),
    ]

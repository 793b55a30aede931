"""The form of a connection: what every kind has, and the options of its own kind."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import slugify
from pydantic import ValidationError

from flows.connections.adapters.contract import Adapter
from flows.connections.checks import describe_options_faults
from flows.connections.models import ANY_FLOW, Connection
from flows.connections.options_form import OptionsForm
from flows.connections.settings import PRICES, ConnectionSettings, ModelCard, settings_of
from flows.models import Flow
from workbench.values.json_text import read_json
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused

Json = Any
CARD = tuple(ModelCard.model_fields)
# Fields whose names on the page are not those of the settings.
_NAMES = {
    **{f"prices.{each}": f"price_{each}" for each in PRICES},
    **{f"card.{each}": f"card_{each}" for each in CARD},
}


class NumberField(forms.CharField):
    """A number as people write it; empty is None."""

    def __init__(self, *, whole: bool = False, **options: Any) -> None:
        super().__init__(**{"required": False, **options})
        self.whole = whole
        self.widget.attrs.update({"inputmode": "numeric" if whole else "decimal", "size": 12})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        try:
            return read_number(text, whole=self.whole) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def prepare_value(self, value: Any) -> Any:
        return f"{value:.12g}" if isinstance(value, int | float) else value


class JsonField(forms.CharField):
    """A JSON object; empty is one without fields."""

    def __init__(self, **options: Any) -> None:
        area = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "textarea mono"})
        super().__init__(**{"required": False, "widget": area, **options})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        try:
            found = read_json(text) if text else {}
        except ValueRefused as error:
            raise forms.ValidationError(str(error)) from error
        if not isinstance(found, dict):
            raise forms.ValidationError('Write an object, such as {"temperature": 0}.')
        return found

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
        return value


class LinesField(forms.CharField):
    """A text of lines, with line breaks as JSON and files have them; a browser posts CRLF."""

    def to_python(self, value: Any) -> Any:
        return re.sub(r"\r\n?", "\n", super().to_python(value) or "")


def _text(label: str, *, help_text: str = "", rows: int = 3) -> LinesField:
    area = forms.Textarea(attrs={"rows": rows})
    return LinesField(
        label=label, help_text=help_text, required=False, max_length=2000, widget=area
    )


class ConnectionForm(forms.Form):
    """``options`` is the form of the kind's own options, which the template shows beside it."""

    title = forms.CharField(max_length=120, help_text="What people call it.")
    name = forms.SlugField(
        max_length=80, required=False, help_text="Steps ask for it by this name; it stays."
    )
    address = forms.CharField(
        max_length=500, help_text="Its host must be on OUTGOING_ALLOWLIST. Nothing after a ?."
    )
    served_as = forms.CharField(
        label="Model at the server",
        required=False,
        max_length=200,
        help_text="What the server calls it, where it serves several.",
    )
    secret_value = forms.CharField(
        label="Key or token",
        required=False,
        max_length=16_384,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    secret_name = forms.CharField(
        label="Name of the secret",
        required=False,
        max_length=120,
        help_text="One that exists, with this connection among its uses. Empty: chosen by itself.",
    )
    enabled = forms.BooleanField(
        required=False, initial=True, label="Steps may ask it", help_text="Off: they fail at once."
    )
    every_flow = forms.BooleanField(
        required=False, label="Every flow", help_text="Also those that are made later."
    )
    flows = forms.MultipleChoiceField(
        required=False, label="These flows", widget=forms.CheckboxSelectMultiple
    )
    timeout_seconds = NumberField(
        label="Time-out in seconds", required=True, initial=30, help_text="For all of a call."
    )
    concurrency = NumberField(
        label="Calls at once", whole=True, help_text="Empty: as many as there are."
    )
    per_second = NumberField(label="Calls a second", help_text="Empty: as many as there are.")
    price_input = NumberField(label="1,000 tokens in")
    price_output = NumberField(label="1,000 tokens out")
    price_call = NumberField(label="A call")
    price_second = NumberField(label="A second")
    parameters = JsonField(
        label="Default parameters", help_text="JSON. Those of a step win over them."
    )
    input_schema = JsonField(
        label="What it takes", help_text="JSON Schema. An input that does not fit is not sent."
    )
    output_schema = JsonField(
        label="What it gives", help_text="JSON Schema. An output that does not fit is a failure."
    )
    card_purpose = _text("Purpose", help_text="What it is for, and what it is not for.")
    card_owner = forms.CharField(
        label="Owner", required=False, max_length=200, help_text="Who answers for it."
    )
    card_version = forms.CharField(
        label="Version",
        required=False,
        max_length=200,
        help_text="Recorded where the server states none.",
    )
    card_training_data = _text("Training data", help_text="From what, and until when.")
    card_measures = _text("Measures", help_text="How good it is, measured on what.")
    card_limits = _text("Limits", help_text="Where it fails, or must not be used.")
    card_review_on = forms.CharField(
        label="Next review", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, adapter: Adapter, row: Connection | None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.adapter, self.row = adapter, row
        self.options = OptionsForm(adapter.Options, self.initial.get("options"))
        if row is not None:
            del self.fields["name"]
        self._offer_flows(row)
        self._style()

    def new_name(self) -> str:
        """Return the name of a new connection: as typed, else made of the title."""
        made = self.cleaned_data.get("name") or slugify(self.cleaned_data.get("title", ""))
        return str(made)[:80].lower()

    def clean(self) -> None:
        super().clean()
        self.options.read(self.data.dict() if hasattr(self.data, "dict") else self.data)
        if self.options.errors:
            # The faults stand at their fields.
            self.add_error(None, "Correct the options of its kind.")

    def read_settings(self, secret_name: str) -> ConnectionSettings | None:
        """Return what was filled in, or None with the faults at their fields."""
        given = self.cleaned_data
        flows = [ANY_FLOW] if given["every_flow"] else given["flows"]
        same = (
            "title", "address", "served_as", "parameters", "concurrency", "per_second",
            "timeout_seconds", "input_schema", "output_schema", "enabled",
        )  # fmt: skip
        try:
            return ConnectionSettings.model_validate(
                {
                    **{name: given[name] for name in same},
                    "kind": self.adapter.kind,
                    "secret_name": secret_name,
                    "flows": flows,
                    "options": self.options.value,
                    "prices": {each: given[f"price_{each}"] or 0 for each in PRICES},
                    "card": {each: given[f"card_{each}"] for each in CARD},
                }
            )
        except ValidationError as error:
            for path, message in describe_options_faults(error):
                self.add_problem(".".join(map(str, path)), message)
            return None

    def add_problem(self, field: str, message: str) -> None:
        """Put a problem at its field, wherever on the page that is."""
        if field.startswith("options.") and self.options.add_problem(field.split(".")[1:], message):
            self.add_error(None, "Correct the options of its kind.")
            return
        name = _NAMES.get(field, field.partition(".")[0])
        self.add_error(name if name in self.fields else None, message)

    @staticmethod
    def initial_of(row: Connection) -> dict[str, Json]:
        kept = settings_of(row)
        return {
            **kept,
            "every_flow": ANY_FLOW in row.flows,
            "flows": [each for each in row.flows if each != ANY_FLOW],
            **{f"price_{each}": kept["prices"][each] or None for each in PRICES},
            **{f"card_{each}": kept["card"][each] for each in CARD},
        }

    def _offer_flows(self, row: Connection | None) -> None:
        """Offer every flow, and what was chosen although there is no such flow yet."""
        flows = Flow.objects.filter(archived_at=None)
        known: dict[str, str] = dict(flows.values_list("name", "title"))
        chosen = self.initial.get("flows") or []
        unknown = {name: f"{name} (no such flow)" for name in chosen if name not in known}
        field = self.fields["flows"]
        assert isinstance(field, forms.MultipleChoiceField)
        offered: dict[str, str] = {**known, **unknown}
        names = sorted(offered, key=lambda name: offered[name].casefold())
        field.choices = [(name, offered[name]) for name in names]

    def _style(self) -> None:
        plain = forms.CheckboxInput | forms.CheckboxSelectMultiple
        for field in self.fields.values():
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs.setdefault("class", "textarea")
            elif not isinstance(field.widget, plain):
                field.widget.attrs.setdefault("class", "input")
        self.fields["address"].widget.attrs["class"] = "input mono"

"""The form of each kind of trigger."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from flows.engine.lanes import Lane
from flows.triggers.models import Trigger, TriggerKind
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
MISSED_POLICIES = {
    "skip": "Leave them out",
    "once": "Make up for the newest one",
    "all": "Make up for all, up to a number",
}
RUN_ENDS = {"completed": "It completes", "failed": "It fails", "cancelled": "It is cancelled"}


class TriggerForm(forms.Form):
    """``config()`` returns what the service takes, ``initial_of`` what the form is filled with."""

    title = forms.CharField(max_length=120, help_text="What people call it.")
    input = forms.CharField(
        label="The run's input",
        initial='"${ input }"',
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="JSON with expressions. In them, input is what the trigger received.",
    )
    lane = forms.ChoiceField(
        choices=[
            ("", "As the flow says"),
            *((each.value, each.value.capitalize()) for each in Lane),
        ],
        required=False,
        help_text="Workers take interactive runs first; bulk runs leave room for the others.",
    )
    config_fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The input comes last: the fields above determine what it can refer to.
        self.order_fields(["title", *self.config_fields, "lane", "input"])
        for name, field in self.fields.items():
            kind = "select" if isinstance(field.widget, forms.Select) else "input"
            if isinstance(field.widget, forms.Textarea):
                kind = "textarea mono"
            if not isinstance(field.widget, forms.CheckboxSelectMultiple):
                field.widget.attrs["class"] = kind + (" mono" if name in {"cron", "filter"} else "")

    def clean_input(self) -> Json:
        try:
            return read_json(self.cleaned_data["input"])
        except ValueRefused as error:
            raise forms.ValidationError(str(error)) from error

    def config(self) -> dict[str, Json]:
        chosen = {name: self.cleaned_data[name] for name in self.config_fields}
        lane = self.cleaned_data["lane"]
        return {**chosen, "lane": lane} if lane else chosen

    @classmethod
    def initial_of(cls, trigger: Trigger) -> dict[str, Json]:
        text = json.dumps(trigger.input, indent=2, ensure_ascii=False)
        return {**trigger.config, "title": trigger.title, "input": text}


class WebhookForm(TriggerForm):
    config_fields = ("max_bytes",)
    max_bytes = forms.IntegerField(
        label="Largest message",
        initial=256 * 1024,
        min_value=1,
        max_value=4 * 1024 * 1024,
        help_text="In bytes. Messages are JSON.",
    )


class ScheduleForm(TriggerForm):
    config_fields = ("cron", "zone", "missed", "most")
    cron = forms.CharField(
        label="When",
        max_length=200,
        initial="0 7 * * 1-5",
        help_text="A cron line: minute, hour, day, month, weekday. This is 7:00 from Monday to"
        " Friday.",
    )
    zone = forms.CharField(
        label="Time zone", max_length=60, initial="UTC", help_text="Such as Europe/Berlin."
    )
    missed = forms.ChoiceField(
        label="Instants missed while nothing ran", choices=list(MISSED_POLICIES.items())
    )
    most = forms.IntegerField(label="Make up for at most", initial=10, min_value=1, max_value=1000)


class EventForm(TriggerForm):
    config_fields = ("event", "filter")
    event = forms.CharField(
        label="Event", max_length=120, help_text="Its name, which is the type of a CloudEvent."
    )
    filter = forms.CharField(
        label="Only if",
        required=False,
        max_length=2000,
        help_text="A CEL condition, such as input.data.amount > 1000. Empty takes every one.",
    )


class FlowForm(TriggerForm):
    config_fields = ("flow", "on", "outcome")
    flow = forms.CharField(label="Flow", max_length=80, help_text="Whose runs it listens to.")
    on = forms.MultipleChoiceField(
        label="When",
        choices=list(RUN_ENDS.items()),
        initial=["completed"],
        widget=forms.CheckboxSelectMultiple,
    )
    outcome = forms.CharField(
        label="Only with the outcome",
        required=False,
        max_length=80,
        help_text="Empty takes every outcome of a completed run.",
    )


FORMS: Mapping[str, type[TriggerForm]] = {
    TriggerKind.WEBHOOK: WebhookForm,
    TriggerKind.SCHEDULE: ScheduleForm,
    TriggerKind.EVENT: EventForm,
    TriggerKind.FLOW: FlowForm,
}

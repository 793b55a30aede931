"""The form of a webhook or chat to which notices go."""

from collections.abc import Sequence
from typing import Any

from django import forms

from reviews.models import Queue
from reviews.models.notices import KINDS_FOR_DESTINATIONS, Destination, DestinationKind, Kind
from reviews.settings.forms.fields import style_fields


class DestinationForm(forms.Form):
    title = forms.CharField(max_length=120, help_text="Such as Underwriting channel.")
    kind = forms.ChoiceField(choices=DestinationKind.choices)
    address = forms.URLField(
        required=False,
        max_length=500,
        assume_scheme="https",
        label="Address of the webhook",
        help_text="Its host must be on OUTGOING_ALLOWLIST. Empty for a chat.",
    )
    key = forms.CharField(
        required=False,
        label="Signing key, or address of the chat",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="For a webhook, whsec_… by Standard Webhooks. For a chat, the address of its "
        "incoming webhook. Stored as a secret and never shown again.",
    )
    kinds = forms.MultipleChoiceField(
        label="Notices to send there",
        choices=[(kind.value, kind.label) for kind in KINDS_FOR_DESTINATIONS],
        initial=[Kind.ESCALATED, Kind.BREACHED],
        widget=forms.CheckboxSelectMultiple,
    )
    queue = forms.ModelChoiceField(
        Queue.objects.none(), required=False, to_field_name="name", empty_label="All queues"
    )
    enabled = forms.BooleanField(required=False, initial=True, label="Send notices there")

    def __init__(
        self, *args: Any, queues: Sequence[Queue], every_queue: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        known = Queue.objects.filter(pk__in=[queue.pk for queue in queues])
        self.fields["queue"].queryset = known.order_by("title")  # type: ignore[attr-defined]
        if not every_queue:
            self.fields["queue"].required = True
            self.fields["queue"].empty_label = None  # type: ignore[attr-defined]
        style_fields(self)

    def values(self) -> dict[str, Any]:
        names = ("title", "kind", "address", "kinds", "queue", "enabled")
        return {name: self.cleaned_data[name] for name in names}

    @staticmethod
    def initial_of(destination: Destination) -> dict[str, Any]:
        names = ("title", "kind", "address", "kinds", "queue", "enabled")
        return {name: getattr(destination, name) for name in names}

from datetime import date, datetime, time, timedelta

from django import forms
from django.utils import timezone

from workbench.audit.actions import list_actions
from workbench.audit.selectors import EntryFilter
from workbench.audit.services import SUBJECT_KINDS


class EntryFilterForm(forms.Form):
    """The filter of the ledger's list. Its days are in the person's time zone."""

    text = forms.CharField(required=False, max_length=200)
    action = forms.ChoiceField(required=False)
    actor = forms.CharField(required=False, max_length=200)
    subject_kind = forms.ChoiceField(required=False)
    subject_id = forms.CharField(required=False, max_length=80)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        names = list_actions()
        kinds = sorted({name.split(".")[0] for name in names})
        self.action_groups = [
            (kind, [name for name in names if name.startswith(f"{kind}.")]) for kind in kinds
        ]
        self.subject_kinds = sorted(SUBJECT_KINDS)
        action, subject_kind = self.fields["action"], self.fields["subject_kind"]
        assert isinstance(action, forms.ChoiceField)
        assert isinstance(subject_kind, forms.ChoiceField)
        action.choices = [("", "Any action"), *((name, name) for name in [*kinds, *names])]
        subject_kind.choices = [("", "Any subject"), *((kind, kind) for kind in self.subject_kinds)]

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if isinstance(since, date) and isinstance(until, date) and since > until:
            self.add_error("until", "The last day is before the first one.")
        return cleaned

    def wanted(self) -> EntryFilter:
        """Return the filter. Call it on a valid form."""
        cleaned = self.cleaned_data
        until: date | None = cleaned["until"]
        return EntryFilter(
            text=cleaned["text"].strip(),
            action=cleaned["action"],
            actor=cleaned["actor"].strip(),
            subject_kind=cleaned["subject_kind"],
            subject_id=cleaned["subject_id"].strip(),
            since=_start_of(cleaned["since"]),
            until=_start_of(until + timedelta(days=1) if until else None),
        )


def _start_of(day: date | None) -> datetime | None:
    return None if day is None else timezone.make_aware(datetime.combine(day, time.min))

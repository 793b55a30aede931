from datetime import timedelta
from typing import Any

from django import forms
from django.core.validators import validate_slug

from workbench.accounts.models import Role, User
from workbench.accounts.permissions import PERMISSIONS, can
from workbench.people.services import ASSIGNABLE_SCOPES

LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year", "": "No expiry"}


class _Described:
    """Sets the classes of the frame, and ties help and error texts to their fields."""

    fields: dict[str, forms.Field]

    def describe(self) -> None:
        for field in self.fields.values():
            widget = field.widget
            if isinstance(widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
                continue
            kind = "select" if isinstance(widget, forms.Select) else "input"
            widget.attrs["class"] = kind


class PersonForm(_Described, forms.ModelForm):  # type: ignore[type-arg] # not subscriptable
    class Meta:
        model = User
        fields = ("username", "display_name", "email")
        labels = {"username": "User name", "display_name": "Name", "email": "E-mail"}
        help_texts = {
            "username": "By which they sign in. Letters, digits and @ . + - _",
            "email": "For notices and for a forgotten password.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.describe()


class GrantForm(_Described, forms.Form):
    role = forms.ChoiceField(choices=Role.choices)
    flow_name = forms.CharField(
        label="Flow",
        required=False,
        max_length=80,
        validators=[validate_slug],
        help_text="The flow's name, as in its address. Empty: every flow.",
    )
    queue_name = forms.CharField(
        label="Queue",
        required=False,
        max_length=80,
        validators=[validate_slug],
        help_text="The queue's name. Empty: every queue.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.describe()


class TokenForm(_Described, forms.Form):
    """``user`` narrows the scopes to what the person may do."""

    name = forms.CharField(max_length=80, help_text="What will use it: “nightly import”.")
    lifetime = forms.ChoiceField(
        label="Expires after", choices=LIFETIMES.items(), required=False, initial="90"
    )
    scopes = forms.MultipleChoiceField(
        label="May do",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="No more than this, and never more than you may do yourself.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [
            (name, name) for name in PERMISSIONS if name in ASSIGNABLE_SCOPES and can(user, name)
        ]
        self.describe()

    def lifetime_chosen(self) -> timedelta | None:
        days: str = self.cleaned_data["lifetime"]
        return timedelta(days=int(days)) if days else None

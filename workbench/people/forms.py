from datetime import timedelta
from typing import Any

from django import forms
from django.core.validators import validate_slug

from workbench.accounts.models import Role, User
from workbench.accounts.permissions import PERMISSIONS, can
from workbench.people.services import ASSIGNABLE_SCOPES
from workbench.values.mail_addresses import read_mail_address
from workbench.values.refusals import ValueRefused

LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year", "": "No expiry"}


class _Styled:
    """A form whose fields can be given the classes of the style sheet."""

    fields: dict[str, forms.Field]

    def set_classes(self) -> None:
        for field in self.fields.values():
            widget = field.widget
            if isinstance(widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
                continue
            widget.attrs["class"] = "select" if isinstance(widget, forms.Select) else "input"


class PersonForm(_Styled, forms.ModelForm):  # type: ignore[type-arg] # not subscriptable
    class Meta:
        model = User
        fields = ("username", "display_name", "email")
        labels = {"username": "User name", "display_name": "Name", "email": "E-mail"}
        help_texts = {
            "username": "They sign in with it. Letters, digits and @ . + - _",
            "email": "For notices, and to reset a forgotten password.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_classes()

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        try:
            return read_mail_address(email) if email else ""
        except ValueRefused as refused:
            raise forms.ValidationError(str(refused)) from None


class GrantForm(_Styled, forms.Form):
    role = forms.ChoiceField(choices=Role.choices)
    flow_name = forms.CharField(
        label="Flow",
        required=False,
        max_length=80,
        validators=[validate_slug],
        help_text="The flow's name as in its address. Leave it empty for every flow.",
    )
    queue_name = forms.CharField(
        label="Queue",
        required=False,
        max_length=80,
        validators=[validate_slug],
        help_text="The queue's name. Leave it empty for every queue.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_classes()


class TokenForm(_Styled, forms.Form):
    """Offers as scopes only what ``user`` may do."""

    name = forms.CharField(max_length=80, help_text="What will use it, such as “nightly import”.")
    lifetime = forms.ChoiceField(
        label="Expires after", choices=LIFETIMES.items(), required=False, initial="90"
    )
    scopes = forms.MultipleChoiceField(
        label="May do",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The token may do only this, and never more than you may do yourself.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [
            (name, name) for name in PERMISSIONS if name in ASSIGNABLE_SCOPES and can(user, name)
        ]
        self.set_classes()

    def get_lifetime(self) -> timedelta | None:
        """Return how long the token is to be valid; None for ever. Call it on a valid form."""
        days: str = self.cleaned_data["lifetime"]
        return timedelta(days=int(days)) if days else None

"""What forms share: working time as people write it, CSS classes, problems put on fields."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms

_DURATION = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*", re.IGNORECASE)
MINUTES_AN_HOUR = 60


def parse_minutes(text: str) -> int:
    """Read working time such as ``8h``, ``1h 30m``, ``45m``. Raises: ValueError."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise ValueError("Write working time as 8h, 1h 30m or 45m.")
    hours, minutes = found.groups()
    return round(float(hours or 0) * MINUTES_AN_HOUR) + int(minutes or 0)


def format_minutes(minutes: float) -> str:
    """Return working time as people write it: ``8h``, ``1h 30m``, ``45m``."""
    hours, left = divmod(round(minutes), MINUTES_AN_HOUR)
    return " ".join(part for part in (hours and f"{hours}h", left and f"{left}m") if part) or "0m"


class DurationField(forms.CharField):
    """Working minutes, typed as ``8h 30m``."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return parse_minutes(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def prepare_value(self, value: Any) -> Any:
        return format_minutes(value) if isinstance(value, int | float) else value


def style_fields(form: forms.BaseForm) -> None:
    """Give each field the CSS class of its kind of input."""
    for field in form.fields.values():
        if isinstance(field.widget, forms.Select):
            field.widget.attrs.setdefault("class", "select")
        elif isinstance(field.widget, forms.Textarea):
            field.widget.attrs.setdefault("class", "textarea")
        elif not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
            field.widget.attrs.setdefault("class", "input")


def add_problems(
    form: forms.BaseForm, problems: Mapping[str, str], names: Mapping[str, str]
) -> None:
    """Put each problem on its field; ``names`` maps a problem's name to a field named otherwise."""
    for field, problem in problems.items():
        name = names.get(field, field)
        form.add_error(name if name in form.fields else None, problem)

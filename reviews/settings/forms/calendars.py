"""The form of a calendar."""

import re
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django import forms

from reviews.models import WorkCalendar
from reviews.rules.sla import WEEKDAYS
from reviews.settings.forms.fields import style_fields

Json = Any
_HOURS = re.compile(r"(\d{1,2}(?::\d{2})?)\s*[-\u2013]\s*(\d{1,2}(?::\d{2})?)")


class CalendarForm(forms.Form):
    name = forms.SlugField(max_length=80, help_text="Small letters, digits and dashes.")
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        initial="Europe/Berlin",
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    country = forms.CharField(
        required=False,
        max_length=2,
        label="Public holidays of",
        help_text="The country's two letters, such as DE. Empty: no holidays.",
    )
    subdivision = forms.CharField(
        required=False,
        max_length=10,
        label="State or region",
        help_text="Its code, such as BE for Berlin.",
    )
    closed = forms.CharField(
        required=False,
        label="Also closed on",
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "2026-12-24"}),
        help_text="One date on each line, such as 2026-12-24.",
    )

    def __init__(self, *args: Any, new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not new:
            del self.fields["name"]
        for day in WEEKDAYS:
            self.fields[day] = forms.CharField(
                required=False,
                label=day.capitalize(),
                widget=forms.TextInput(attrs={"placeholder": "closed", "autocomplete": "off"}),
            )
        style_fields(self)

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    def clean_closed(self) -> list[str]:
        lines = self.cleaned_data["closed"].split()
        try:
            return sorted({date.fromisoformat(line).isoformat() for line in lines})
        except ValueError as error:
            raise forms.ValidationError("Write each date as 2026-12-24.") from error

    def clean(self) -> dict[str, Json]:
        for day in WEEKDAYS:
            text = self.cleaned_data.get(day, "")
            spans = _HOURS.findall(text)
            if _HOURS.sub("", text).strip(" ,;"):
                self.add_error(day, "Write 09:00-12:00, 13:00-17:00.")
            self.cleaned_data[day] = [
                [_format_time(one), _format_time(other)] for one, other in spans
            ]
        return self.cleaned_data

    def values(self) -> dict[str, Json]:
        """Return what ``save_calendar`` takes."""
        names = ("time_zone", "country", "subdivision", "closed")
        hours = {day: self.cleaned_data[day] for day in WEEKDAYS if self.cleaned_data[day]}
        return {**{name: self.cleaned_data[name] for name in names}, "hours": hours}

    @staticmethod
    def initial_of(calendar: WorkCalendar) -> dict[str, Json]:
        hours = {
            day: ", ".join(f"{opens}-{closes}" for opens, closes in spans)
            for day, spans in calendar.hours.items()
        }
        return {
            "time_zone": calendar.time_zone,
            "country": calendar.country,
            "subdivision": calendar.subdivision,
            "closed": "\n".join(calendar.closed),
            **hours,
        }


def _format_time(text: str) -> str:
    hour, _, minute = text.partition(":")
    return f"{int(hour):02d}:{minute or '00'}"


def list_time_zones() -> list[str]:
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")

"""Read what a reviewer typed into the form of a case."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.timezone import get_current_timezone

from reviews.models import Case
from reviews.rules.answers import Answer, list_shown_fields
from reviews.rules.places import MOST_CHARACTERS
from reviews.rules.posted import read_field, read_form, read_grounds
from workbench.http.numbers import number_in
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

MOST_OPENED, LONGEST_SECONDS = 200, 86_400


@dataclass(frozen=True, slots=True)
class Typed:
    """``content`` is what a draft keeps: ``{outcome, reasons, grounds, comment, form, fields,
    why, places}``. ``opened`` are the ids of the evidence that was opened.
    """

    content: dict[str, Any]
    opened: list[str]
    active_seconds: int

    def answer(self) -> Answer:
        content = self.content
        return Answer(
            outcome=content["outcome"],
            reasons=tuple(content["reasons"]),
            grounds=content["grounds"],
            comment=content["comment"],
            fields=content["fields"],
            why=content["why"],
            places=content["places"],
            form=content["form"],
            opened=tuple(self.opened),
            active_seconds=self.active_seconds,
            zone=get_current_timezone(),
        )


def read_typed(request: HttpRequest, case: Case) -> Typed:
    posted = request.POST
    outcome = posted.get("outcome", "")
    content = {
        "outcome": outcome,
        "reasons": posted.getlist(f"reasons.{outcome}"),
        "grounds": read_grounds(posted),
        "comment": posted.get("comment", ""),
        "form": read_form(case.rules.get("form") or {}, posted, "form", get_current_timezone()),
        **_read_fields(request, case),
    }
    opened = sorted(set(posted.get("opened", "").split()))[:MOST_OPENED]
    seconds = min(number_in(posted.get("active_seconds")) or 0, LONGEST_SECONDS)
    return Typed(content, opened, seconds)


def _read_fields(request: HttpRequest, case: Case) -> dict[str, Any]:
    """Return the fields that were changed, the reasons given as ``why``, and marked ``places``."""
    fields, why, places = {}, {}, {}
    for field in list_shown_fields(case.shown):
        key = field.get("key")
        if not key or not field.get("editable") or f"field.{key}" not in request.POST:
            continue
        old, schema = case.fields.get(key), field.get("schema") or {}
        new = read_field(request.POST, key, schema, old, get_current_timezone())
        if new != old:
            fields[key] = new
            if reason := request.POST.get(f"why.{key}", "").strip():
                why[key] = reason
        if place := _read_place(request.POST.get(f"place.{key}", "")):
            places[key] = place
    return {"fields": fields, "why": why, "places": places}


def _read_place(text: str) -> Any:
    """Return the place that the page marked, None if none; what is no place is refused later."""
    try:
        return read_json(text[:MOST_CHARACTERS]) if text else None
    except ValueRefused:
        return text[:MOST_CHARACTERS]

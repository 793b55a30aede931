"""What the frame does around every page."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from workbench.values.checking import check_text
from workbench.values.refusals import ValueRefused

Answer = Callable[[HttpRequest], HttpResponse]


class PersonTimeZone:
    """Shows times in the time zone of the person who is signed in."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = getattr(request.user, "time_zone", "") if hasattr(request, "user") else ""
        if not zone:
            return self.get_response(request)
        try:
            override = timezone.override(ZoneInfo(zone))
        except (KeyError, ValueError):  # this machine's time zone database has no such zone
            return self.get_response(request)
        with override:
            return self.get_response(request)


class RefuseUnfitText:
    """Answers 422 to a page's form with text that no database could keep, in any field.

    Filters in an address are left to their pages, which leave out what is senseless.

    Views without the CSRF check (the API's, the webhooks') read and check their bodies themselves.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]
    ) -> HttpResponse | None:
        if getattr(view, "csrf_exempt", False):
            return None
        try:
            _check_all(each for each in kwargs.values() if isinstance(each, str))
        except ValueRefused:
            raise Http404 from None
        for given in (request.GET, request.POST):
            for name, texts in given.lists():
                try:
                    _check_all([name, *texts])
                except ValueRefused as error:
                    return _refuse(request, name, error)
        return None


def _check_all(texts: Iterable[str]) -> None:
    for text in texts:
        check_text(text)


def _refuse(request: HttpRequest, name: str, error: ValueRefused) -> HttpResponse:
    """Return the partial to a request of the page's own script, else a page."""
    is_partial = request.headers.get("HX-Request") == "true"
    template = "shell/_error.html" if is_partial else "422.html"
    field = "".join(filter(str.isprintable, name))
    title = "Nothing was saved" if request.method == "POST" else "This address cannot be read"
    text = f"{field}: {error.message} {error.remedy}"
    return render(request, template, {"title": title, "text": text}, status=422)

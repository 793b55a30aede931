from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class PersonTimeZone:
    """Shows times in the time zone of the person who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
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

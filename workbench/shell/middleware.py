from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class PersonTimeZone:
    """Show times in the zone of the person who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = getattr(request.user, "time_zone", "") if hasattr(request, "user") else ""
        if not zone:
            return self.get_response(request)
        try:
            override = timezone.override(ZoneInfo(zone))
        except (KeyError, ValueError):  # a zone that this machine's database no longer knows
            return self.get_response(request)
        with override:
            return self.get_response(request)

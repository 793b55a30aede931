"""How often a person may ask for what costs work and changes nothing, such as a preview."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

View = Callable[..., HttpResponseBase]
MINUTE = 60


def limit_previews(view: View) -> View:
    """Answer 429 to who asked for more than PREVIEWS_A_MINUTE previews, of all kinds together."""

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if _count_preview(request) <= settings.PREVIEWS_A_MINUTE:
            return view(request, *args, **kwargs)
        reason = f"That was {settings.PREVIEWS_A_MINUTE} previews in a minute. Wait a moment."
        headers = {"Retry-After": str(MINUTE)}
        if request.headers.get("Accept", "").startswith("application/json"):
            return JsonResponse({"error": reason}, status=429, headers=headers)
        return HttpResponse(reason, content_type="text/plain", status=429, headers=headers)

    return limited


def _count_preview(request: HttpRequest) -> int:
    """Return how many previews the person has asked for in this minute, this one included."""
    minute = int(timezone.now().timestamp()) // MINUTE
    key = f"previews.{request.user.pk}.{minute}"
    cache.add(key, 0, 2 * MINUTE)
    try:
        return cache.incr(key)
    except ValueError:  # it was dropped in between
        return 1

"""How often a person may ask for what costs work or money and changes nothing: previews, tries."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from workbench.http.problems import ApiProblem
from workbench.http.sign_in import person_of

View = Callable[..., HttpResponseBase]
Route = TypeVar("Route", bound=Callable[..., Any])
MINUTE = 60


class Rate(NamedTuple):
    """What is counted by person and minute, and the setting that limits it."""

    name: str
    setting: str
    get_most: Callable[[], int]


PREVIEWS = Rate("previews", "PREVIEWS_A_MINUTE", lambda: settings.PREVIEWS_A_MINUTE)
# Each of them asks a model, which may cost money.
MODEL_TRIES = Rate("model tries", "MODEL_TRIES_A_MINUTE", lambda: settings.MODEL_TRIES_A_MINUTE)


def limit_previews(view: View) -> View:
    """Answer 429 to who asked for more than PREVIEWS_A_MINUTE previews, of all kinds together."""
    return _limit_view(view, PREVIEWS)


def limit_model_tries(view: View) -> View:
    """Answer 429 to who tried models more often than MODEL_TRIES_A_MINUTE, by API or page."""
    return _limit_view(view, MODEL_TRIES)


def limits_previews(route: Route) -> Route:
    """Do as ``limit_previews`` for a route of the API; pages count with it.

    Put it below ``@requires``, and name 429 in ``@may_answer``.
    """
    return _limit_route(route, PREVIEWS)


def limits_model_tries(route: Route) -> Route:
    """Do as ``limit_model_tries`` for a route of the API. Put it as ``limits_previews``."""
    return _limit_route(route, MODEL_TRIES)


def _limit_view(view: View, rate: Rate) -> View:
    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if _count(rate, request.user.pk) <= rate.get_most():
            return view(request, *args, **kwargs)
        reason = f"{_describe_excess(rate)} Wait a moment."
        headers = {"Retry-After": str(MINUTE)}
        if request.headers.get("Accept", "").startswith("application/json"):
            return JsonResponse({"error": reason}, status=429, headers=headers)
        return HttpResponse(reason, content_type="text/plain", status=429, headers=headers)

    return limited


def _limit_route(route: Route, rate: Rate) -> Route:
    @wraps(route)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if _count(rate, person_of(request).pk) <= rate.get_most():
            return route(request, *args, **kwargs)
        raise ApiProblem(
            429,
            f"{rate.name.replace(' ', '-')}-too-often",
            _describe_excess(rate),
            f"Wait a minute, or raise {rate.setting}.",
            headers={"Retry-After": str(MINUTE)},
        )

    return limited  # type: ignore[return-value]


def _describe_excess(rate: Rate) -> str:
    return f"That was {rate.get_most()} {rate.name} in a minute."


def _count(rate: Rate, person_id: int | None) -> int:
    """Return how often the person has asked for it in this minute, this time included."""
    minute = int(timezone.now().timestamp()) // MINUTE
    key = f"{rate.name.replace(' ', '-')}.{person_id}.{minute}"
    cache.add(key, 0, 2 * MINUTE)
    try:
        return cache.incr(key)
    except ValueError:  # it was dropped in between
        return 1

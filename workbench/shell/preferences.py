"""What a person chose: the theme, kept in a cookie, and the time zone, kept with the person."""

from typing import NamedTuple

from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse

from workbench.accounts.models import User

# Arguments: user, before. Sent in the transaction. The ledger is told by it; it lies above.
time_zone_changed = Signal()

THEME_COOKIE = "theme"
YEAR_SECONDS = 365 * 24 * 3600


class ThemeChoice(NamedTuple):
    value: str
    label: str
    icon: str


THEMES = (
    ThemeChoice("system", "As the system", "monitor"),
    ThemeChoice("light", "Light", "sun"),
    ThemeChoice("dark", "Dark", "moon"),
)


def theme_of(request: HttpRequest) -> str:
    """Return ``light``, ``dark``, or ``system`` where nothing was chosen."""
    wanted = request.COOKIES.get(THEME_COOKIE, "")
    return wanted if wanted in {choice.value for choice in THEMES} else "system"


def keep_theme(response: HttpResponse, theme: str, *, secure: bool) -> None:
    """Set the cookie. The server renders the theme, so that no page flashes in another one."""
    response.set_cookie(
        THEME_COOKIE, theme, max_age=YEAR_SECONDS, samesite="Lax", httponly=True, secure=secure
    )


def set_time_zone(*, username: str, time_zone: str) -> None:
    """Show a person all times in this zone from now on."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(username=username)
        before = user.time_zone
        if before != time_zone:
            user.time_zone = time_zone
            user.save(update_fields=["time_zone"])
            time_zone_changed.send(User, user=user, before=before)

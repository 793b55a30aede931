"""The theme that a person chose, kept in a cookie."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse

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

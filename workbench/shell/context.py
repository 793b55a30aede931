"""What the frame around every page shows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from workbench.shell.offers import Place, list_bar_items_for, list_places_for
from workbench.shell.preferences import THEMES, ThemeChoice, theme_of


@dataclass(frozen=True, slots=True)
class RailLink:
    """A link in the rail. ``current`` is "page" on its page, "true" on others of the place."""

    label: str
    url: str
    icon: str
    current: str


class Frame:
    """What the base template shows around a page. A partial does not use it, and makes no query."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.themes: tuple[ThemeChoice, ...] = THEMES

    @property
    def theme(self) -> str:
        return theme_of(self._request)

    @cached_property
    def places(self) -> list[Place]:
        return list_places_for(self._request.user)

    @cached_property
    def nav(self) -> list[RailLink]:
        path = self._request.path
        # Where two places lead to this page, the one with the longer address is the current one.
        here = max((place.holds(path) for place in self.places), key=len, default="")
        return [
            RailLink(
                place.label,
                place.url or "",
                place.icon,
                _current(path, place.url) if here and place.holds(path) == here else "",
            )
            for place in self.places
        ]

    @cached_property
    def bar_items(self) -> list[str]:
        """The templates of the parts that apps added to the top bar."""
        return [item.template for item in list_bar_items_for(self._request.user)]

    @cached_property
    def person_name(self) -> str:
        user = self._request.user
        return getattr(user, "display_name", "") or user.get_username()

    @cached_property
    def tokens_url(self) -> str:
        try:
            return reverse("accounts:tokens")
        except NoReverseMatch:
            return ""


def _current(path: str, url: str | None) -> str:
    return "page" if path == url else "true"


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``frame`` for templates/shell/base.html."""
    return {"frame": Frame(request)}

"""Where a subject has pages of its own: the app that owns the kind says so, in ``ready``."""

from contextlib import suppress
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from workbench.accounts.permissions import Principal, can


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """A page whose only URL argument is the subject's id."""

    label: str
    url_name: str
    icon: str
    permission: str


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str
    icon: str


_PAGES: dict[str, tuple[SubjectPage, ...]] = {}


def register_subject_pages(kind: str, *pages: SubjectPage) -> None:
    """Offer these pages beside what the ledger has of each subject of the kind."""
    _PAGES[kind] = pages


def links_to(kind: str, subject_id: str, principal: Principal) -> list[Link]:
    """Return the pages of a subject that the principal may see; it may be gone by now."""
    links = []
    for page in _PAGES.get(kind, ()):
        # An id that is not of the form the page takes names nothing there.
        with suppress(NoReverseMatch):
            if can(principal, page.permission):
                url = reverse(page.url_name, args=[subject_id])
                links.append(Link(page.label, url, page.icon))
    return links

"""Links from the ledger to the pages of a subject. The app that owns its kind registers them."""

from contextlib import suppress
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from workbench.accounts.permissions import Principal, can


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """A page of a subject. The subject's id is the only argument of its URL."""

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
    """Link to these pages from the ledger's pages about any subject of this kind."""
    _PAGES[kind] = pages


def links_to(kind: str, subject_id: str, principal: Principal) -> list[Link]:
    """Return links to the pages of a subject that the principal may see; it may be gone by now."""
    links = []
    for page in _PAGES.get(kind, ()):
        # An id that does not fit the page's address cannot be found there.
        with suppress(NoReverseMatch):
            if can(principal, page.permission):
                url = reverse(page.url_name, args=[subject_id])
                links.append(Link(page.label, url, page.icon))
    return links

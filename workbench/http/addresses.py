"""Addresses of pages: which names they can hold, and which one a request may be led to."""

from django.urls import NoReverseMatch, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

RESERVED = "The address of another page is made with this name: choose another."


def is_reserved(route: str, name: str) -> bool:
    """Return True if the page ``route`` of what has this name could never be reached.

    Another page has its address, as ``flows/new/`` has that of a flow named ``new``.
    """
    try:
        address = reverse(route, kwargs={"name": name})
    except NoReverseMatch:
        return False
    return resolve(address).view_name != route


def read_own_path(text: str) -> str:
    """Return the text if it is the path of a page of this site, else ""."""
    is_own = text.startswith("/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
    return text if is_own else ""

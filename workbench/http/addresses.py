"""Names that are part of a page's address."""

from django.urls import NoReverseMatch, resolve, reverse

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

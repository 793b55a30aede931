from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host


def is_own_origin(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a page of this site opened the socket. Browsers always send Origin.

    This site is the host that was asked, the address in SITE_URL, and CSRF_TRUSTED_ORIGINS.
    """
    given = dict(headers)
    origin = given.get(b"origin", b"").decode("latin-1")
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return False
    if origin in (settings.SITE_URL, *settings.CSRF_TRUSTED_ORIGINS):
        return True
    return parts.netloc == given.get(b"host", b"").decode("latin-1") and _is_allowed(
        parts.hostname or ""
    )


def _is_allowed(host: str) -> bool:
    name = f"[{host}]" if ":" in host else host
    return validate_host(name, settings.ALLOWED_HOSTS)

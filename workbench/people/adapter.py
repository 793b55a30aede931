"""What the sign-in library may do here: nobody signs up, and its mails name the configured site."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest

from workbench.dispatch.mail import check_recipients


class Site(NamedTuple):
    """The site as the library's templates know it."""

    name: str
    domain: str


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Lets nobody sign up, as an admin adds people; counts wrong passwords; composes mails."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return what wrong passwords are counted by.

        By the name alone, somebody elsewhere could keep its owner from signing in.
        """
        by_name: str = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{by_name}:{self.get_client_ip(request)}"

    def is_safe_url(self, url: str) -> bool:
        """Return whether to go there after signing in. What cannot be read is not safe."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:  # such as an IPv6 address without its closing bracket
            return False

    def format_email_subject(self, subject: str) -> str:
        return f"[{_site().name}] {subject}"

    def send_mail(self, template_prefix: str, email: str, context: Mapping[str, Any]) -> None:
        """Send a mail whose links name SITE_URL.

        The library makes them from the request, whose Host header is whatever the sender wrote.
        """
        given = {
            "request": current.request,
            "email": email,
            **{name: _on_site(value) for name, value in context.items()},
            "current_site": _site(),
        }
        message: EmailMessage = self.render_mail(template_prefix, email, given)
        check_recipients(message)
        message.send()


def _site() -> Site:
    return Site("Countersign", urlsplit(settings.SITE_URL).netloc)


def _on_site(value: Any) -> Any:
    """Return the value. A link leads to the configured site: these mails have no others."""
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return value
    link = urlsplit(value)
    return settings.SITE_URL + link._replace(scheme="", netloc="").geturl()

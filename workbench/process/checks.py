"""What `manage.py check --deploy` says beside Django's own checks."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags


@checks.register(Tags.security, deploy=True)
def check_trusted_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a site on https whose server cannot know that it was asked by https."""
    if not settings.IS_HTTPS or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "SITE_URL is https, and no proxy may say that a request came by https.",
            hint="Set TRUSTED_PROXIES to the addresses of the proxy that ends TLS.",
            id="countersign.W001",
        )
    ]

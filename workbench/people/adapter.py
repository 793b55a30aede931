from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Lets nobody sign up: an admin adds people."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

"""Why a step is not executed now."""

from datetime import datetime


class Deferred(Exception):
    """The step may not begin before ``until``. ``scope`` names the breaker or limit."""

    def __init__(self, message: str, *, kind: str, scope: str, until: datetime) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.scope = scope
        self.until = until

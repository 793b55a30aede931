"""End connections whose request never gets here whole.

Twisted closes a connection that is silent for a minute. A client that sends one byte now and then
would hold it for ever.
"""

# ruff: noqa: N802 - the names are Twisted's
# mypy: disable-error-code="no-untyped-call, override"

from typing import Any

from twisted.web.http import HTTPChannel

HEADER_SECONDS = 10.0
BODY_SECONDS = 300.0


class TimedChannel(HTTPChannel):
    """A connection that has HEADER_SECONDS for the headers of a request, BODY_SECONDS for its body.

    A connection without a request that has begun is Twisted's to close.
    """

    _deadline: Any = None
    _in_request = False

    def dataReceived(self, data: bytes) -> None:
        if not self._in_request:
            self._in_request = True
            self._restart(HEADER_SECONDS)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self._restart(BODY_SECONDS)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self._stop()
        self._in_request = False
        super().allContentReceived()

    def connectionLost(self, reason: Any) -> None:
        self._stop()
        super().connectionLost(reason)

    def _restart(self, seconds: float) -> None:
        self._stop()
        self._deadline = self.callLater(seconds, self.forceAbortClient)

    def _stop(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

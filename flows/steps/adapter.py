"""The adapter by which requests connects: to judged addresses, within a deadline, once."""

import socket
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

from flows.steps.connecting import connect
from flows.steps.deadline import Deadline


class JudgedAdapter(HTTPAdapter):
    """Sends one request. The connection keeps the name, so that TLS proves who has it."""

    def __init__(self, deadline: Deadline, *, may_be_private: bool) -> None:
        super().__init__()
        self._connecting = {"deadline": deadline, "may_be_private": may_be_private}

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        found = super().get_connection_with_tls_context(request, verify, proxies=None, cert=cert)
        pool = cast("HTTPConnectionPool", found)
        kind = _Secure if pool.scheme == "https" else _Plain
        pool.ConnectionCls = partial(kind, connecting=self._connecting)  # type: ignore[assignment]
        return pool


class _Connecting(HTTPConnection):
    def __init__(self, *args: Any, connecting: Mapping[str, Any], **named: Any) -> None:
        super().__init__(*args, **named)
        self._connecting = connecting

    def _new_conn(self) -> socket.socket:
        return connect(self.host.strip("[]"), self.port, **self._connecting)


class _Plain(_Connecting):
    """HTTP."""


class _Secure(_Connecting, HTTPSConnection):
    """HTTP over TLS."""

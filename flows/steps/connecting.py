"""Open connections to the addresses of a name, each judged before it is connected to."""

import queue
import socket
import threading
from ipaddress import ip_address
from typing import Any

from flows.steps.deadline import Deadline
from flows.steps.ip_addresses import is_public

_Found = tuple[int, Any]  # family, socket address


class PrivateAddress(Exception):
    """The name leads to an address of a private network, which is not allowed."""


def connect(host: str, port: int, deadline: Deadline, *, may_be_private: bool) -> socket.socket:
    """Return a connected socket that the deadline watches.

    One private address among those of a name refuses the name: else whoever answers for the name
    could choose the moment at which it is taken.

    Raises: PrivateAddress; TimeoutError, OSError.
    """
    found = _resolve(host, port, deadline)
    if not may_be_private:
        for _, address in found:
            if not is_public(ip_address(address[0])):
                raise PrivateAddress(address[0])
    failure: OSError = OSError("the name has no address")
    for family, address in found:
        try:
            return _open(family, address, deadline)
        except OSError as error:
            failure = error
    raise failure


def _open(family: int, address: Any, deadline: Deadline) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(deadline.seconds_left)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.connect(address)
        deadline.watch(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def _resolve(host: str, port: int, deadline: Deadline) -> list[_Found]:
    """Return the name's addresses. The system's resolver knows no limit, so a thread waits for it.

    Raises: TimeoutError, OSError.
    """
    answers: queue.SimpleQueue[list[_Found] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(row[0], row[4]) for row in rows])
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.seconds_left)
    except queue.Empty:
        raise TimeoutError(f"{host} was not resolved in time") from None
    if isinstance(answer, Exception):
        raise OSError(f"{host} cannot be resolved: {answer}") from answer
    return answer

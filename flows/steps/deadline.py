"""One deadline for a whole exchange over a socket."""

import socket
import threading
import time
from types import TracebackType
from typing import Self


class Deadline:
    """Shuts the sockets that it watches when the time is over, whatever they are waiting for.

    A time-out of the socket itself would begin anew with each byte that the other side sends.
    """

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._watched: list[socket.socket] = []
        self._guard = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._guard:
            for each in self._watched:
                each.close()
            self._watched.clear()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at

    @property
    def seconds_left(self) -> float:
        """What is left, above 0, as 0 would make a socket return at once."""
        return max(self._ends_at - time.monotonic(), 0.001)

    def watch(self, watched: socket.socket) -> None:
        """Shut the connection at the deadline, also after TLS or another owner took its socket."""
        with self._guard:
            self._watched.append(watched.dup())
        if self.is_over:
            self._shut()

    def _shut(self) -> None:
        with self._guard:
            for each in self._watched:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:  # The other side was faster.
                    continue

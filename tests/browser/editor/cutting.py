"""A proxy between browsers and the server that can cut every connection, as a bad line does."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

CHUNK_BYTES = 65536


@dataclass
class CuttingProxy:
    """Passes bytes on to ``target`` until told to cut what is open. Counts what it cut."""

    target: int
    listener: socket.socket
    open_pairs: set[tuple[socket.socket, socket.socket]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    cuts: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                browser, _ = self.listener.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=self.join, args=(browser,), daemon=True).start()

    def join(self, browser: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            browser.close()  # the server is dead at the moment
            return
        server.settimeout(None)
        pair = (browser, server)
        with self.lock:
            self.open_pairs.add(pair)
        back = threading.Thread(target=pump, args=(server, browser), daemon=True)
        back.start()
        pump(browser, server)
        back.join()
        with self.lock:
            self.open_pairs.discard(pair)
        for each in pair:
            each.close()

    def cut(self) -> None:
        """Cut every connection, whatever is on its way."""
        with self.lock:
            pairs = list(self.open_pairs)
        for pair in pairs:
            self.cuts += 1
            for each in pair:
                shut(each)


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    shut(source)
    shut(sink)


def shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutting_proxy(target: int) -> Iterator[CuttingProxy]:
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = CuttingProxy(target, listener)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        listener.close()
        proxy.cut()

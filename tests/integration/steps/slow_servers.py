"""Raw servers on loopback that keep a client waiting, each in one part of the answer."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

Play = Callable[[socket.socket], None]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextlib.contextmanager
def playing(play: Play, *, reads_request: bool = True) -> Iterator[int]:
    """Serve each connection by ``play`` until the block ends; yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []
    threads = [threading.Thread(target=_accept, args=(listener, play, open_ones, reads_request))]
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        # Closing alone does not wake a thread that waits in accept.
        for each in [listener, *open_ones]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        threads[0].join()


def _accept(
    listener: socket.socket, play: Play, open_ones: list[socket.socket], reads_request: bool
) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        open_ones.append(client)
        threading.Thread(target=_serve, args=(client, play, reads_request), daemon=True).start()


def _serve(client: socket.socket, play: Play, reads_request: bool) -> None:
    with contextlib.suppress(OSError, ssl.SSLError), client:
        if reads_request:
            client.recv(65_536)
        play(client)


def _drip(client: socket.socket, text: bytes, seconds: float = 0.2) -> None:
    """Send a byte every so often, so that no single read ever times out."""
    for byte in text:
        client.sendall(bytes([byte]))
        time.sleep(seconds)


def slow_status_line(client: socket.socket) -> None:
    _drip(client, b"HTTP/1.1 200 " + b"O" * 100 + b"\r\n\r\n")


def slow_headers(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(client, b"s" * 100)


def endless_headers(client: socket.socket) -> None:
    client.sendall(HEAD)
    for number in range(10**9):
        client.sendall(b"X-%d: y\r\n" % number)


def huge_header(client: socket.socket) -> None:
    client.sendall(HEAD + b"X-Large: ")
    for _ in range(10**6):
        client.sendall(b"z" * 65_536)


def heavy_headers(client: socket.socket) -> None:
    """Send fewer headers than 100, each shorter than 64 KiB, of 4 MB together."""
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"z" * 60_000) for number in range(70))
    client.sendall(HEAD + lines + b"Content-Length: 0\r\n\r\n")


def endless_continue(client: socket.socket) -> None:
    while True:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def slow_body(client: socket.socket) -> None:
    client.sendall(HEAD + b"Content-Length: 100\r\n\r\n")
    _drip(client, b"b" * 100)


def slow_chunks(client: socket.socket) -> None:
    client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        _drip(client, b"1\r\nc\r\n", 0.05)


def endless_trailers(client: socket.socket) -> None:
    client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n")
    _drip(client, b"X-Trailer: t\r\n" * 100, 0.02)


def body_without_end(client: socket.socket) -> None:
    """Send a body that ends with the connection, so that a cut looks like its end."""
    client.sendall(HEAD + b"\r\n")
    _drip(client, b"b" * 100)


def redirect_without_end(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\n\r\n")
    for _ in range(10**6):
        client.sendall(b"r" * 65_536)


def silence(client: socket.socket) -> None:
    """Accept, and then say nothing: neither a TLS handshake nor an answer."""
    client.recv(1)
    time.sleep(20)


def slow_handshake(client: socket.socket) -> None:
    """Answer the TLS greeting with a record whose end takes long to come."""
    client.sendall(b"\x16\x03\x03\x20\x00")
    _drip(client, b"\x02" * 100)


def never_reads(client: socket.socket) -> None:
    """Take no request, so that a large one cannot be sent to its end."""
    time.sleep(20)

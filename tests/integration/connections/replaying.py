"""A server on loopback that answers what a real model server was recorded to answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.models.recordings import Exchange, Recording


@contextmanager
def replay(recording: Recording) -> Iterator[str]:
    """Give the address; what was not recorded, to the byte of the JSON, is answered with 404."""
    known = {_key(each.method, each.path, each.body): each for each in recording.exchanges}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Say nothing."""

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content else None
            found = known.get(_key(self.command, self.path, body))
            self._give(found or Exchange("", "", None, 404, "text/plain", f"unknown: {body}"))

        do_GET = do_POST = answer  # noqa: N815

        def _give(self, found: Exchange) -> None:
            content = found.text.encode()
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(content)))
            if found.media_type:
                self.send_header("Content-Type", found.media_type)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _key(method: str, path: str, body: Any) -> str:
    return json.dumps([method, path, body], sort_keys=True)

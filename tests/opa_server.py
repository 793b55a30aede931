"""A peer on loopback that follows OPA's REST API, in a process of its own.

It takes modules by PUT /v1/policies/ID and data by PUT /v1/data/PATH, and answers POST
/v1/data/PATH with ``{"input": …}`` as OPA documents it. It evaluates by the same engine as
Countersign does, asked in another way: it is no proof of what OPA itself answers.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

Json = Any
_modules: dict[str, str] = {}
_data: dict[str, Json] = {}


@cache
def _load() -> Any:
    """Return the engine with all that was put, read once."""
    # Not at the top: who starts the peer must not have the engine beside that of CEL.
    from regopy import Interpreter

    engine = Interpreter()
    engine.add_data(_data)
    for name, module in _modules.items():
        engine.add_module(name, module)
    return engine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(200, {})

    def do_PUT(self) -> None:
        path = self.path.removeprefix("/v1/").split("/")
        _load.cache_clear()
        if path[0] == "policies":
            _modules[path[1]] = self._read().decode()
            self._answer(200, {})
        elif path[0] == "data" and len(path) == 2:
            _data[path[1]] = json.loads(self._read())
            self._answer(204, None)
        else:
            self._answer(404, {"code": "resource_not_found"})

    def do_POST(self) -> None:
        address, _, query = self.path.partition("?")
        given = json.loads(self._read())["input"]
        dotted = ".".join(["data", *address.removeprefix("/v1/data/").split("/")])
        engine = _load()
        engine.strict_built_in_errors = "strict-builtin-errors=true" in query
        engine.set_input_term(json.dumps(given))
        try:
            said = str(engine.query(dotted))
            found = json.loads(said) if said != "undefined" else {}
        except ValueError:
            self._answer(500, {"code": "internal_error", "message": "error(s) occurred"})
            return
        values = found.get("expressions", [])
        self._answer(200, {"result": values[0]} if values else {})

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, status: int, body: Json) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving_opa() -> Iterator[str]:
    """Yield ``host:port`` of the peer."""
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.opa_server"], cwd=root, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()

"""Whatever leaves the house leaves by one door: another way out fails here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("flows", "reviews", "workbench", "examples")

# Libraries that connect to other machines. A name covers what is below it.
SENDERS = {
    "aiohttp", "apprise", "asyncssh", "django.core.mail", "ftplib", "grpc", "http.client",
    "httpcore", "httpx", "imaplib", "nntplib", "paramiko", "poplib", "pycurl", "requests",
    "smtplib", "socket", "socketserver", "ssl", "telnetlib", "tornado", "twisted", "urllib.request",
    "urllib3", "websocket", "websockets", "xmlrpc",
}  # fmt: skip
CALLS = {"create_connection", "open_connection", "start_tls", "sock_connect"}

# Each module that may use one, and for what.
DOORS = {
    "flows/steps/adapter.py": "The one HTTP client: how it connects.",
    "flows/steps/answers.py": "The one HTTP client: its answers.",
    "flows/steps/connecting.py": "The one HTTP client: addresses judged and connected to.",
    "flows/steps/deadline.py": "The one HTTP client: its time is over.",
    "flows/steps/ip_addresses.py": "Reads how an address is spelt. Sends nothing.",
    "flows/steps/outgoing.py": "The one HTTP client: its entrance.",
    "flows/steps/notify.py": "The errors of mail. Sends by workbench.dispatch.mail.",
    "workbench/dispatch/mail.py": "The one sender of mail.",
    "workbench/people/adapter.py": "Mails that the sign-in library composes.",
    "workbench/dispatch/delivery.py": "This machine's name. Sends nothing.",
    "flows/runtime/clock.py": "This machine's name. Sends nothing.",
    "workbench/process/deadlines.py": "The connections that the server takes. Sends nothing.",
    "workbench/process/server.py": "The socket that the server listens on. Sends nothing.",
    "examples/consumer_loan/underwriter.py": "A demo: a client of this API.",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_bytes())


def imports_of(module: ast.Module) -> Iterator[str]:
    """Yield every name that the module imports, also inside functions and by text."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(parent), names=names, level=0):
                yield from (f"{parent}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def sends(module: ast.Module) -> bool:
    if any(
        f"{name}.".startswith(tuple(f"{each}." for each in SENDERS)) for name in imports_of(module)
    ):
        return True
    return any(isinstance(node, ast.Attribute) and node.attr in CALLS for node in ast.walk(module))


def test_nothing_leaves_but_by_the_known_doors() -> None:
    assert {name for name, module in modules() if sends(module)} == DOORS.keys()


@pytest.mark.parametrize(
    "source",
    [
        "import requests", "import urllib.request as r", "from urllib import request",
        "from http import client", "def f():\n    import httpx", "from apprise import Apprise",
        "from django.core import mail", "from django.core.mail import send_mail",
        "import socket", "import importlib\nimportlib.import_module('requests')",
        "import asyncio\nasyncio.open_connection('h', 1)", "from requests.adapters import x",
    ],
)  # fmt: skip
def test_another_way_out_is_noticed(source: str) -> None:
    assert sends(ast.parse(source))


@pytest.mark.parametrize(
    "source", ["from urllib.parse import urlsplit", "import http", "from http import HTTPStatus"]
)
def test_what_sends_nothing_is_free(source: str) -> None:
    assert not sends(ast.parse(source))

"""Over TLS, whoever answers proves the name that was asked for."""

import contextlib
import datetime
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flows.steps.base import Result, StepFailure
from flows.steps.http import HttpRequest
from tests.integration.steps.slow_servers import playing
from tests.unit.steps.contexts import context

NAME = "inside.example"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for NAME, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def answer(certificate: Path) -> Callable[[socket.socket], None]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)

    def play(client: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), server.wrap_socket(client, server_side=True) as tls:
            tls.recv(65_536)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    return play


def call(name: str, port: int) -> Result:
    config = {"url": f"https://{name}:{port}/x", "query": {"k": "geheim"}, "timeout_seconds": 5}
    return HttpRequest().run(context(), HttpRequest.Config.model_validate(config))


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def lead_here(host: str, port: int, **_named: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lead_here)


def test_a_certificate_for_the_name_is_accepted(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    certificate: Path,
    answer: Callable[[socket.socket], None],
) -> None:
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    with playing(answer, reads_request=False) as port:
        settings.OUTGOING_ALLOWLIST = [f"{NAME}:{port}"]
        assert call(NAME, port).output["body"] == "ok"


@pytest.mark.parametrize(("name", "trusted"), [("other.example", True), (NAME, False)])
def test_a_certificate_for_another_name_or_of_an_unknown_issuer_is_not(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    certificate: Path,
    answer: Callable[[socket.socket], None],
    name: str,
    trusted: bool,
) -> None:
    if trusted:
        monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    with playing(answer, reads_request=False) as port:
        settings.OUTGOING_ALLOWLIST = [f"{name}:{port}"]
        with pytest.raises(StepFailure) as caught:
            call(name, port)
    assert caught.value.kind == "connection"
    assert "certificate" in caught.value.message
    assert "geheim" not in caught.value.message

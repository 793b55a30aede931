"""Fixtures of the tests that stand on a database."""

from collections.abc import Iterator
from typing import Any

import pytest

from flows.store import bell
from tests.factories import probes
from tests.integration.steps.servers import Service, serving


@pytest.fixture(scope="session", autouse=True)
def close_bell(django_db_setup: None) -> Iterator[None]:
    """Close the doorbell's connection before the database is dropped."""
    yield
    bell.close()


@pytest.fixture(scope="module")
def running_service() -> Iterator[Service]:
    with serving() as running:
        yield running


@pytest.fixture
def service(running_service: Service, settings: Any) -> Service:
    """A server on loopback that steps and notices may call, and the requests of this test."""
    settings.OUTGOING_ALLOWLIST = [running_service.address]
    running_service.requests.clear()
    return running_service


@pytest.fixture(autouse=True)
def forget_probe_calls() -> None:
    probes.forget_calls()

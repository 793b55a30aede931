"""Fixtures of the tests that stand on a database."""

from collections.abc import Iterator

import pytest

from flows.store import bell
from tests.factories import probes


@pytest.fixture(scope="session", autouse=True)
def close_bell(django_db_setup: None) -> Iterator[None]:
    """Close the doorbell's connection before the database is dropped."""
    yield
    bell.close()


@pytest.fixture(autouse=True)
def forget_probe_calls() -> None:
    probes.forget_calls()

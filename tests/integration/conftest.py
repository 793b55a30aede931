"""Fixtures of the tests that stand on a database."""

from collections.abc import Iterator

import pytest

from flows.store import bell


@pytest.fixture(scope="session", autouse=True)
def no_bell_at_the_end(django_db_setup: None) -> Iterator[None]:
    """Close the doorbell's connection before the database is dropped."""
    yield
    bell.close()

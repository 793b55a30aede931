"""People and clients of the tests of flows."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.web.flows.factories import make_user
from workbench.accounts.models import Role


@pytest.fixture
def client_of() -> Callable[..., Client]:
    """Return ``client_of(Role.DESIGNER, flow="loan")``: signed in as a person with those roles."""

    def make(*roles: Role, flow: str = "") -> Client:
        client = Client()
        client.force_login(make_user(*roles, flow=flow))
        return client

    return make


@pytest.fixture
def designer(client_of: Callable[..., Client], db: None) -> Client:
    return client_of(Role.DESIGNER)


@pytest.fixture
def operator(client_of: Callable[..., Client], db: None) -> Client:
    return client_of(Role.OPERATOR)


@pytest.fixture
def auditor(client_of: Callable[..., Client], db: None) -> Client:
    return client_of(Role.AUDITOR)


@pytest.fixture(autouse=True)
def fresh_programs() -> None:
    """A rolled back database uses ids again, by which programs are kept."""
    from flows.runtime.program import forget_programs

    forget_programs()

"""A language server whose turns tests write, and people who decide."""

from collections.abc import Iterator
from typing import Any

import pytest

from flows.connections.adapters import openai  # noqa: F401 - registers itself
from flows.steps import language
from tests.factories.queues import make_office
from tests.integration.agents import tools
from tests.integration.agents.agent_flows import TOOLS
from tests.language_server import LanguageServer, language_server
from tests.language_server.provider import AdapterProvider
from workbench.accounts.models import Role


@pytest.fixture(scope="module")
def running() -> Iterator[LanguageServer]:
    with language_server() as server:
        yield server


@pytest.fixture
def server(
    running: LanguageServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> LanguageServer:
    settings.OUTGOING_ALLOWLIST = [running.host]
    settings.STEP_MODULES = [*settings.STEP_MODULES, TOOLS]
    provider = AdapterProvider(running.url, {"assistant": "openai"})
    monkeypatch.setitem(language._PROVIDERS, provider.name, provider)
    running.forget()
    tools.forget()
    return running


@pytest.fixture
def office(server: LanguageServer) -> LanguageServer:
    make_office(ada=Role.REVIEWER)
    return server

"""A language server, and models that it serves in the form of each API."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flows.steps import language
from flows.steps.base import Result
from flows.steps.chat import Chat
from tests.language_server import LanguageServer, language_server
from tests.language_server.provider import AdapterProvider
from tests.unit.steps.contexts import context

MODELS = {
    "openai": "openai",
    "asked": "openai",
    "object": "openai",
    "anthropic": "anthropic",
    "prose": "anthropic",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "asked": {"response_format": "asked"},
    "object": {"response_format": "json_object"},
    "prose": {"schema_by": "asked"},
}


@pytest.fixture(scope="module")
def running_language() -> Iterator[LanguageServer]:
    with language_server() as running:
        yield running


@pytest.fixture
def server(running_language: LanguageServer, settings: Any) -> LanguageServer:
    settings.OUTGOING_ALLOWLIST = [running_language.host]
    running_language.forget()
    return running_language


@pytest.fixture
def provider(server: LanguageServer, monkeypatch: pytest.MonkeyPatch) -> AdapterProvider:
    made = AdapterProvider(server.url, MODELS, OPTIONS)
    monkeypatch.setitem(language._PROVIDERS, made.name, made)
    return made


Ask = Callable[..., Result]


@pytest.fixture
def ask(provider: AdapterProvider) -> Ask:
    """Return ``ask(model="openai", user=…)``, which runs the step once."""

    def run(**config: Any) -> Result:
        given = {"model": "openai", "user": "Which team?", **config}
        result = Chat().run(context(), Chat.Config.model_validate(given))
        assert isinstance(result, Result)
        return result

    return run

"""A language server of our own on loopback, in the published forms of two APIs.

    with language_server() as server:
        server.script("refund", Turn(calls=[("pay", {"amount": 5})]), Turn(json={"paid": True}))
        ...
        assert server.answered["run-1-1-1-1"] == 1

It answers ``POST /v1/chat/completions`` (OpenAI's form) and ``POST /v1/messages`` (Anthropic's).
Without a script, it answers with a value that fits the schema that it is given, else with a
sentence; the same conversation always gets the same answer. See ``scripts.Turn`` for what can be
scripted. ``python -m tests.language_server --port 8089`` runs it by itself.
"""

from tests.language_server.scripts import Turn
from tests.language_server.server import LanguageServer, language_server

__all__ = ["LanguageServer", "Turn", "language_server"]

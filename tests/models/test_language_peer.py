"""A real language server, which obeys no schema: every answer fits or leaves by the error port.

``transformers serve`` with a tiny model that its peer's module makes. It ignores the schema and the
wish for token probabilities, with a 200. What it is asked passes through a recorder of the tests,
which counts the calls by their keys.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.chaos.test_language import COUNT, Site, check, embedded, production
from tests.integration.connections.model_server import (
    Asked,
    ModelServer,
    ServerBreaks,
    serving_a_model,
)
from tests.models.serving import LANGUAGE, serve
from tests.waiting import until

pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(900)]
PREPARE = """
from tests.driving import start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
make_connection(
    "support", kind="openai", address=URL, served_as="MODEL", timeout_seconds=120,
    options={"response_format": "native"},
)
flow = publish_flow(
    "ask -> done", "ask.error -> failed", name="asks",
    ask={
        "type": "llm.chat", "model": "support", "schema": SCHEMA, "max_tokens": 48,
        "user": "Ticket ${ input.number }${ input.text }. Which team?", "timeout_seconds": 120,
        "confidence": {"how": "probabilities"},
    },
    done={
        "type": "end", "outcome": "answered",
        "output": {
            "answer": "${ steps.ask.output.answer }",
            "confidence": "${ steps.ask.output.confidence }",
        },
    },
    failed={"type": "end", "outcome": "failed"},
)
for number in range(COUNT):
    start(flow, {"number": number, "text": " rambles" if number % 8 == 1 else ""})
"""


class Recorder:
    """Hands each call on to the language server, and counts it by its idempotency key."""

    def __init__(self, before: ModelServer, address: str) -> None:
        self.requests: Counter[str] = Counter()
        self.host = before.address
        self.url = f"http://{before.address}"
        self._address = address
        before.answer = self._hand_on

    def _hand_on(self, asked: Asked) -> bytes:
        self.requests[asked.headers["idempotency-key"]] += 1
        answer = requests.post(self._address + asked.path, json=asked.body, timeout=120)
        if not answer.ok:
            raise ServerBreaks
        return answer.content


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    """The address of the language server, and what it calls its model."""
    if not LANGUAGE.is_installed:
        pytest.skip(f"There is no {LANGUAGE.environment.name}; see tests/models/serving.py.")
    with serve(LANGUAGE) as address:
        listed = requests.get(f"{address}/v1/models", timeout=30).json()["data"]
        local = [each["id"] for each in listed if each["id"].startswith("/")]
        yield address, local[0] if local else listed[0]["id"]


@pytest.fixture
def recorder(served: tuple[str, str]) -> Iterator[Recorder]:
    with serving_a_model() as before:
        yield Recorder(before, served[0])


@pytest.fixture
def code(served: tuple[str, str]) -> str:
    return PREPARE.replace("MODEL", served[1])


def check_ends(site: Site) -> Counter[str]:
    """Check that every run ended, with an answer that fits or by the error port."""
    ends = site.ends()
    assert len(ends) == COUNT
    for number, (status, outcome, output) in ends.items():
        assert status == "completed", number
        if outcome == "answered":
            assert output["answer"]["team"] in {"cards", "loans"}
            assert isinstance(output["answer"]["amount"], int)
            # The server takes the wish for token probabilities, and gives none.
            assert output["confidence"] is None
        else:
            assert outcome == "failed"
    return Counter(outcome for _, outcome, _ in ends.values())


def show(recorder: Recorder, outcomes: Counter[str]) -> None:
    repairs = sum(bool(re.search("repair", key)) for key in recorder.requests)
    print(  # noqa: T201 - seen with -s
        f"{LANGUAGE.find_versions()}: {dict(outcomes)}, {recorder.requests.total()} calls, "
        f"{repairs} repairs"
    )


def test_killed_on_the_embedded_default_it_ends_as_if_undisturbed(
    recorder: Recorder, code: str, migrated_folder: Path, tmp_path: Path
) -> None:
    with embedded(migrated_folder, tmp_path / "calm", recorder, code) as calm:
        calm.go()
        until(calm.is_over, "the end of all runs", patience_seconds=400)
        expected = calm.ends()
    outcomes = check_ends(calm)
    show(recorder, outcomes)
    assert set(outcomes) == {"answered", "failed"}, "the model both obeys and does not"
    recorder.requests.clear()
    with embedded(migrated_folder, tmp_path / "killed", recorder, code) as site:
        check(site, recorder, steps=COUNT)
        check_ends(site)
        # The model gives the same answer to the same question.
        assert site.ends() == expected


def test_killed_on_postgresql_it_ends_whole(
    recorder: Recorder, code: str, migrated_postgresql: Path, redis_url: str
) -> None:
    with production(migrated_postgresql, redis_url, recorder, code) as site:
        check(site, recorder, steps=COUNT)
        show(recorder, check_ends(site))

"""While a request that costs much is answered, the same process answers others in bounded time."""

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import pytest

from flows.expressions.cost import MAX_COPIES
from flows.graph.json_values import MAX_VALUES
from tests import servers
from tests.conftest import Serve

pytestmark = pytest.mark.own_servers

# The longest list that one expression may build, and the longest loop that CEL runs.
LONGEST_LIST = min(isqrt(2 * MAX_COPIES) - 10, 9_900)
SLOWEST = "input.items.map(i, i + 1).size()"
# Longer than any one of these requests takes alone, on two cores that are shared.
BOUND_SECONDS = 2.0
CLIENTS = 3
# A machine that is busy may come to the end of the time first; that is an answer too.
REFUSED = "Evaluating took too long or too much memory."
CSRF = "a" * 32
SET_UP = """
import json
from django.test import Client
from django.utils import timezone
from flows.graph.codec import parse
from flows.models import Flow
from flows.services import create_flow, publish_version, start_run
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, RoleGrant, User
now, actor = timezone.now(), Actor.system("test")
user = User.objects.create_user("ada")
for role in (Role.DESIGNER, Role.OPERATOR):
    RoleGrant.objects.create(user=user, role=role, granted_at=now)
given = json.loads(open(PATH).read())
flow = create_flow(
    name="slow", title="Slow", document=parse(json.dumps(given["flow"])), author=None,
    actor=actor, now=now,
)
publish_version(
    flow_id=flow.pk, revision=flow.draft_revision, note="", author=None, actor=actor, now=now
)
flow.refresh_from_db()
start_run(flow=flow, input=given["input"], actor=actor, now=now)
Flow.objects.filter(pk=flow.pk).update(draft=given["draft"])
client = Client()
client.force_login(user)
print("session", client.cookies["sessionid"].value)
"""
FLOW = {
    "schema": "countersign/flow@1",
    "name": "slow",
    "title": "Slow",
    "input": {
        "type": "object",
        "properties": {
            "items": {"type": "array"},
            "checked": {"type": "array", "items": {"allOf": [{"type": "integer"}] * 60}},
        },
    },
    "steps": {"done": {"type": "end", "with": {"outcome": "done"}}},
    "edges": [],
}
ASK = {
    "type": "review.case",
    "with": {"queue": "q", "sla": "s", "title": "Of ${ " + SLOWEST + " }"},
}
DRAFT = FLOW | {"steps": {"ask": ASK, **FLOW["steps"]}, "edges": ["ask.approved -> done"]}  # type: ignore[dict-item]


@dataclass
class Person:
    """A browser that is signed in."""

    url: str
    session: str

    def ask(
        self, path: str, form: Mapping[str, Any] | None = None, body: Any = None
    ) -> tuple[int, str]:
        sent = urllib.parse.urlencode(form).encode() if form is not None else None
        headers = {"Cookie": f"sessionid={self.session}; csrftoken={CSRF}", "X-CSRFToken": CSRF}
        if body is not None:
            sent, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.url + path, sent, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def person(serve: Serve, tmp_path: Path) -> Iterator[Person]:
    given = {"flow": FLOW, "draft": DRAFT, "input": {"items": list(range(LONGEST_LIST))}}
    kept = tmp_path / "given.json"
    kept.write_text(json.dumps(given))
    script = SET_UP.replace("PATH", repr(str(kept)))
    said = servers.manage(tmp_path, "shell", "--no-imports", "--command", script)
    with serve() as server:
        yield Person(server.url, said.split()[-1])


def preview_expression(person: Person) -> None:
    form = {"step": "done", "text": SLOWEST, "kind": "bare"}
    status, answer = person.ask("/flows/slow/edit/evaluate/", form)
    assert status == 200, answer
    assert json.loads(answer).get("type") == "integer" or REFUSED in answer, answer


def preview_draft(person: Person) -> None:
    status, answer = person.ask("/flows/slow/edit/preview/ask/")
    assert status == 200, answer
    assert f"Of {LONGEST_LIST}" in answer or REFUSED in answer


def check_schema(person: Person) -> None:
    body = {"input": {"checked": [*range(150_000), "not a number"]}}
    status, answer = person.ask("/api/v1/flows/slow/runs", body=body)
    assert (status, "150000" in answer) == (422, True), answer[:1000]


def read_yaml(person: Person) -> None:
    text = "steps:\n" + "".join(f"  s{n}: x\n" for n in range(MAX_VALUES // 2 - 10))
    status, answer = person.ask("/flows/slow/text/", {"text": text})
    assert status == 422, answer[:1000]


@pytest.mark.parametrize("expensive", [preview_expression, preview_draft, check_schema, read_yaml])
def test_another_page_answers_while_many_ask_for_what_costs_much(
    expensive: Any, person: Person
) -> None:
    expensive(person)
    person.ask("/runs/")
    ended, faults = threading.Event(), []

    def go_on() -> None:
        try:
            while not ended.is_set():
                expensive(person)
        except Exception as fault:  # told below, on the thread of the test
            faults.append(fault)

    clients = [threading.Thread(target=go_on) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    took = []
    try:
        for _ in range(20):
            began = time.perf_counter()
            assert person.ask("/runs/")[0] == 200
            took.append(time.perf_counter() - began)
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert not faults
    took.sort()
    p95 = took[len(took) * 95 // 100 - 1]
    print(f"{expensive.__name__}: p95 {p95:.3f} s, longest {took[-1]:.3f} s")  # noqa: T201
    assert p95 < BOUND_SECONDS, took

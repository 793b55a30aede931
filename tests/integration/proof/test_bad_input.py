"""Bad input to a real process, by API and by page: a clear answer, and nothing changed."""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import servers
from tests.console import console
from tests.waiting import until

pytestmark = pytest.mark.own_servers

Json = Any
FLOW = "consumer-loan"
TEN_MEGABYTES = 10 * 1024 * 1024
PREPARE = """
from datetime import timedelta
from django.utils import timezone
from flows.models import Flow
from workbench.accounts.models import ApiToken, User
from workbench.people.services import create_token
from workbench.accounts.actors import Actor

now = timezone.now()
def token(user, *scopes, **more):
    made, secret = create_token(user=User.objects.get(username=user), name="tests",
        scopes=scopes, now=now, actor=Actor.system("tests", "command"), **more)
    print(user, secret)

token("designer", "flows.view", "flows.edit", "flows.publish", "runs.view", "runs.start")
token("reviewer", "cases.view", "cases.decide")
token("operator", "runs.view")
token("lead", "cases.view", expires_at=now - timedelta(days=1))
"""
# What is no act of anyone: the answer that is kept under its key, a session, when a token was used,
# and what the process itself keeps.
NOT_ACTS = frozenset({
    "accounts_idempotentrequest", "django_session", "accounts_apitoken", "flows_worker",
    "sqlite_sequence", "dispatch_clocktask",
})  # fmt: skip


@dataclass
class Bank:
    """A running demo with one case that waits, and a token for each of four people."""

    url: str
    var: Path
    tokens: dict[str, str]
    password: str
    case: int = 0
    run: int = 0

    def send(self, method: str, path: str, *, as_: str = "designer", **options: Any) -> Json:
        headers = {"Authorization": f"Bearer {self.tokens[as_]}"} | options.pop("headers", {})
        return requests.request(
            method, f"{self.url}/api/v1{path}", headers=headers, timeout=60, **options
        )

    def content(self) -> dict[str, str]:
        """Return a digest of each table but those of NOT_ACTS, and how many acts the ledger holds.

        That something of weight was refused leaves an entry too, and is no act.
        """
        with closing(sqlite3.connect(self.var / "countersign.sqlite3", timeout=30)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            [acts] = connection.execute(
                "SELECT count(*) FROM audit_entry WHERE action NOT LIKE '%refused'"
            )
            return {
                name: _digest(connection, name)
                for (name,) in names.fetchall()
                if name not in NOT_ACTS and not name.startswith("audit_")
            } | {"acts": str(acts[0])}


def _digest(connection: sqlite3.Connection, table: str) -> str:
    rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
    text = "\n".join(sorted(map(repr, rows)))
    return f"{len(rows)} rows, {hashlib.sha256(text.encode()).hexdigest()[:12]}"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    var = tmp_path_factory.mktemp("bank")
    with console(var) as opened:
        opened.manage("migrate", "--verbosity", "0")
        opened.manage("load_demo", "--runs", "0")
        said = opened.run(PREPARE)
    tokens = dict(line.split() for line in said.splitlines())
    password = (var / "demo-accounts.txt").read_text().splitlines()[0].split()[-1]
    with servers.serve(var) as server:
        bank = Bank(server.url, var, tokens, password)
        started = bank.send(
            "POST", f"/flows/{FLOW}/runs", json={"input": sample(bank)},
            headers={"Idempotency-Key": "the first"},
        )  # fmt: skip
        assert started.status_code == 201, started.text
        bank.run = started.json()["id"]
        bank.case = wait_for_case(bank)
        decide = {"outcome": "approved", "commit_now": True, "revision": read_revision(bank)}
        decided = bank.send("POST", f"/cases/{bank.case}/decisions", as_="reviewer", json=decide)
        assert decided.status_code == 201, decided.text
        content_at_rest(bank)
        yield bank


def sample(bank: Bank) -> Json:
    return bank.send("GET", f"/flows/{FLOW}").json()["draft"]["samples"]["unsure"]


def wait_for_case(bank: Bank) -> int:
    def cases() -> list[Json]:
        return bank.send("GET", "/cases", as_="reviewer").json()["items"]  # type: ignore[no-any-return]

    return int(until(cases, "a case", patience_seconds=60)[0]["id"])


def read_revision(bank: Bank) -> int:
    return int(bank.send("GET", f"/cases/{bank.case}", as_="reviewer").json()["revision"])


def content_at_rest(bank: Bank) -> dict[str, str]:
    """Return the content once the run has ended and the ledger is sealed.

    What was done before is sealed within half a second: only then does nothing move by itself.
    """
    until(lambda: is_at_rest(bank), "the run to end and the ledger to be sealed")
    return bank.content()


def is_at_rest(bank: Bank) -> bool:
    with closing(sqlite3.connect(bank.var / "countersign.sqlite3", timeout=30)) as connection:
        [left] = connection.execute(
            "SELECT (SELECT count(*) FROM audit_unsealed)"
            " + (SELECT count(*) FROM dispatch_outbox WHERE dead_at IS NULL)"
            " + (SELECT count(*) FROM flows_run WHERE id = ? AND status <> 'completed')",
            [bank.run],
        ).fetchone()
    return bool(left == 0)


Call = Callable[[Bank], Json]


def start(value: Json, **options: Any) -> Call:
    return lambda bank: bank.send("POST", f"/flows/{FLOW}/runs", json=value, **options)


def decide_again(bank: Bank) -> Json:
    body = {
        "outcome": "rejected", "reasons": ["income"], "commit_now": True,
        "revision": read_revision(bank),
    }  # fmt: skip
    return bank.send("POST", f"/cases/{bank.case}/decisions", as_="reviewer", json=body)


def stale_decision(bank: Bank) -> Json:
    body = {"outcome": "approved", "revision": 1}
    return bank.send("POST", f"/cases/{bank.case}/decisions", as_="reviewer", json=body)


def same_key_another_body(bank: Bank) -> Json:
    value = sample(bank) | {"amount": 1}
    headers = {"Idempotency-Key": "the first"}
    return bank.send("POST", f"/flows/{FLOW}/runs", json={"input": value}, headers=headers)


def too_large(bank: Bank) -> Json:
    value = {"applicant": "x" * TEN_MEGABYTES}
    return bank.send("POST", f"/flows/{FLOW}/runs", json={"input": value})


def wrong_type(bank: Bank) -> Json:
    headers = {"Content-Type": "text/xml"}
    return bank.send("POST", f"/flows/{FLOW}/runs", data="<input/>", headers=headers)


def not_json(bank: Bank) -> Json:
    headers = {"Content-Type": "application/json"}
    return bank.send("POST", f"/flows/{FLOW}/runs", data='{"input": ', headers=headers)


def broken_document(bank: Bank) -> Json:
    body = {"name": "broken", "document": {"schema": "countersign/flow@1", "steps": 7}}
    return bank.send("POST", "/flows", json=body)


def stale_draft(bank: Bank) -> Json:
    draft = bank.send("GET", f"/flows/{FLOW}").json()["draft"]
    stale = {"If-Match": '"999"'}
    return bank.send("PUT", f"/flows/{FLOW}/draft", json={"document": draft}, headers=stale)


# Name: what is sent, status, code of the problem, and words that the answer must have.
BAD: dict[str, tuple[Call, int, str, str]] = {
    "a broken document": (broken_document, 422, "flow-invalid", "steps"),
    "an input of 10 MB": (too_large, 413, "body-too-large", "artifact"),
    "a wrong content type": (wrong_type, 415, "content-type-unsupported", "application/json"),
    "no JSON": (not_json, 400, "body-unreadable", "JSON"),
    "an input that breaks the contract": (
        start({"input": {"amount": "much"}}), 422, "input-invalid", "amount",
    ),
    "an unknown field": (start({"inputs": {}}), 422, "request-invalid", "inputs"),
    "an expired token": (
        lambda bank: bank.send("GET", "/cases", as_="lead"), 401, "token-expired", "new token",
    ),
    "an unknown token": (
        lambda bank: bank.send("GET", "/cases", headers={"Authorization": "Bearer csn_no"}),
        401, "token-invalid", "new token",
    ),
    "a missing scope": (
        start({"input": {}}, as_="operator"), 403, "not-permitted", "runs.start",
    ),
    "an unknown flow": (
        lambda bank: bank.send("POST", "/flows/nowhere/runs", json={"input": {}}),
        404, "not-found", "nowhere",
    ),
    "an unknown version": (
        start({"input": {}, "version": 99}), 404, "not-found", "99",
    ),
    "a decision on a decided case": (decide_again, 409, "case-already-decided", "next"),
    "a stale decision": (stale_decision, 409, "case-already-decided", "next"),
    "a stale draft": (stale_draft, 412, "revision-stale", "revision"),
    "a key with another body": (same_key_another_body, 422, "idempotency-key-reused", "new key"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_the_api_says_what_to_do_and_changes_nothing(bank: Bank, name: str) -> None:
    call, status, code, words = BAD[name]
    before = bank.content()

    answer = call(bank)

    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].endswith(f":{code}"), problem
    assert problem["remedy"], problem
    assert words in answer.text, problem
    assert bank.content() == before


def test_an_unknown_step_type_is_named_and_not_published(bank: Bank) -> None:
    document = {
        "schema": "countersign/flow@1", "name": "odd", "title": "Odd",
        "steps": {"first": {"type": "no.such.step", "title": "First"}}, "edges": [],
    }  # fmt: skip
    made = bank.send("POST", "/flows", json={"name": "odd", "document": document})
    assert made.status_code == 201
    problem = next(each for each in made.json()["problems"] if each["step"] == "first")
    assert "no.such.step" in problem["message"]
    assert problem["remedy"]
    before = content_at_rest(bank)

    refused = bank.send("POST", "/flows/odd/versions", json={"note": "Publish it all the same"})

    assert refused.status_code == 422
    assert "no.such.step" in refused.text
    assert bank.content() == before


def test_a_large_input_within_the_limit_starts_one_run(bank: Bank) -> None:
    """The other side of the limit: kept apart as an artifact, and the same when it is repeated."""
    flow = {
        "schema": "countersign/flow@1", "name": "large", "title": "Large",
        "steps": {"done": {"type": "end", "with": {"outcome": "done"}}}, "edges": [],
    }  # fmt: skip
    bank.send("POST", "/flows", json={"name": "large", "document": flow})
    published = bank.send("POST", "/flows/large/versions", json={"note": "First"})
    assert published.status_code == 201, published.text
    body = {"input": {"text": "x" * 300_000}}
    headers = {"Idempotency-Key": "a large one"}

    answers = [bank.send("POST", "/flows/large/runs", json=body, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text[:300]
    first = answers[0].json()["id"]
    assert answers[1].json()["id"] == first
    again = bank.send("POST", f"/runs/{first}/rerun", json={})
    assert again.status_code == 201, again.text
    kept = bank.send("GET", f"/runs/{first}").json()["input"]
    assert bank.send("GET", f"/runs/{again.json()['id']}").json()["input"] == kept


# --- Pages ------------------------------------------------------------------------


@pytest.fixture
def enter(bank: Bank) -> Callable[[str], requests.Session]:
    def sign_in(name: str) -> requests.Session:
        session = requests.Session()
        login = f"{bank.url}/accounts/login/"
        form = session.get(login, timeout=60).text
        values = {"login": name, "password": bank.password, "csrfmiddlewaretoken": csrf(form)}
        answer = session.post(login, data=values, headers={"Referer": login}, timeout=60)
        assert "/accounts/login/" not in answer.url
        return session

    return sign_in


def csrf(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    return found[1]


def post(session: requests.Session, url: str, form_at: str, **values: str) -> requests.Response:
    page = session.get(form_at, timeout=60).text
    data = {"csrfmiddlewaretoken": csrf(page), **values}
    return session.post(url, data=data, headers={"Referer": form_at}, timeout=60)


def test_pages_say_what_to_mend_and_change_nothing(
    bank: Bank, enter: Callable[[str], requests.Session]
) -> None:
    designer = enter("designer")
    flow = f"{bank.url}/flows/{FLOW}"
    revision = str(bank.send("GET", f"/flows/{FLOW}").json()["draft_revision"])
    before = content_at_rest(bank)  # signing in is recorded, and then sealed
    bad = [
        (f"{flow}/text/", {"text": "steps: [", "revision": revision}, 422, "not saved"),
        (f"{flow}/start/", {"mode": "json", "text": "{"}, 422, "not JSON"),
        (f"{flow}/start/", {"mode": "json", "text": '{"amount": -1}'}, 422, "amount"),
        (f"{flow}/publish/", {"note": ""}, 422, "note"),
    ]
    for url, values, status, words in bad:
        answer = post(designer, url, url, **values)
        assert answer.status_code == status, (url, values, answer.status_code)
        assert words in answer.text, (url, values)
        assert bank.content() == before, (url, values)

    large = post(
        designer, f"{flow}/start/", f"{flow}/start/", mode="json", text='"' + "x" * TEN_MEGABYTES
    )
    assert large.status_code in {400, 413, 422}
    assert bank.content() == before


def test_a_decided_case_refuses_a_second_decision_by_page(
    bank: Bank, enter: Callable[[str], requests.Session]
) -> None:
    reviewer = enter("reviewer2")
    before = content_at_rest(bank)
    url = f"{bank.url}/review/cases/{bank.case}/"

    answer = post(reviewer, f"{url}decide/", url, outcome="approved")

    assert answer.status_code in {403, 409}
    assert "decided" in answer.text.lower()
    # What was typed is never lost, and that the case was looked at is remembered.
    kept = {"reviews_casedraft", "reviews_caselook"}
    changed = {name for name, content in bank.content().items() if content != before[name]}
    assert changed <= kept


def test_what_a_page_does_not_know_or_permit_says_so(
    bank: Bank, enter: Callable[[str], requests.Session]
) -> None:
    reviewer = enter("reviewer")

    assert reviewer.get(f"{bank.url}/review/cases/999999/", timeout=60).status_code == 404
    assert reviewer.get(f"{bank.url}/audit/", timeout=60).status_code == 403

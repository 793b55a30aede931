"""No way in fails at any value: it is taken, or refused with nothing kept and nothing logged.

Every operation, page, form, hook and event is found by walking, with a few values each. For more:
``FUZZ_EXAMPLES=100 FUZZ_SEED=7 pytest -p no:logging tests/integration/fuzz``, or on one address
with ``FUZZ_ONLY=cases``. A fault names what was sent.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from django.test import Client
from standardwebhooks import Webhook

from tests.browsers import post_untouched
from tests.integration.fuzz.attempts import Attempts
from tests.integration.fuzz.doors import Door, asked_names, list_operations, list_pages, whole
from tests.integration.fuzz.values import (
    BODIES,
    CONTENT_TYPES,
    HEADERS,
    TEXTS,
    VALUES,
    choose,
)
from tests.integration.fuzz.world import World
from tests.web.doors.unfit import plant

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(36_000)]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
# Which addresses to try; all, without it.
ONLY = re.compile(os.environ.get("FUZZ_ONLY", ""))
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def attempts(settings: Any) -> Iterator[Attempts]:
    settings.OUTGOING_ALLOWLIST = ["hooks.example"]
    world = World()
    assert not world.not_made
    made = Attempts(world, SEED)
    yield made
    print(f"\n{made.count} requests, seed {SEED}")  # noqa: T201 - for whoever measures
    assert not made.faults, f"{len(made.faults)} faults:\n" + "\n".join(made.faults)


def random_of(door: Any) -> Random:
    """Return chance that is the same for a door whatever others there are."""
    return Random(f"{SEED} {door}")


def chosen(doors: list[Door]) -> list[Door]:
    return [each for each in doors if ONLY.search(str(each))]


# --- The API ----------------------------------------------------------------------


def test_no_operation_fails_at_a_body(attempts: Attempts) -> None:
    for door in chosen(list_operations()):
        if door.method == "GET":
            continue
        random, url = random_of(door), door.url(attempts.world.named)
        valid = whole(door.body_schema) if door.body_schema else {}
        known = attempts.revision_of(door, url)
        attempts.send(door, "valid", door.method, url, json.dumps(valid), headers=known)
        for _ in range(EXAMPLES):
            name, value = choose(random, VALUES)
            text = random.choice(list(plant(valid, value)))
            attempts.send(door, f"{name}: {text[:300]}", door.method, url, text, headers=known)
        name = random.choice(list(BODIES))
        kind = random.choice(CONTENT_TYPES)
        attempts.send(door, f"{name} as {kind}", door.method, url, BODIES[name], kind)


def test_no_operation_fails_at_a_parameter(attempts: Attempts) -> None:
    for door in chosen(list_operations()):
        random = random_of(f"{door}?")
        valid = json.dumps(whole(door.body_schema)) if door.body_schema else b""
        for _ in range(EXAMPLES):
            what, url = plant_in_address(door, attempts, random, door.queries)
            attempts.send(door, what, door.method, url, valid)


def test_no_operation_fails_at_a_header(attempts: Attempts) -> None:
    for door in chosen(list_operations()):
        random = random_of(f"{door} headers")
        url = door.url(attempts.world.named)
        valid = json.dumps(whole(door.body_schema)) if door.body_schema else b""
        for _ in range(max(1, EXAMPLES // 4)):
            name = random.choice(
                ["Idempotency-Key", "If-Match", "If-None-Match", "Accept",
                 "Authorization", "Range", "Accept-Language", "Cookie", "Host", "HX-Request",
                 "X-Forwarded-For", "Referer", "Origin"]
            )  # fmt: skip
            what, value = choose(random, HEADERS)
            if name == "Host":
                value = value.strip() or "x"
            attempts.send(door, f"{name}: {what}", door.method, url, valid, headers={name: value})


def plant_in_address(
    door: Door, attempts: Attempts, random: Random, queries: list[str]
) -> tuple[str, str]:
    """Return what was planted where, and the address with it."""
    what, text = choose(random, TEXTS)
    places = [*queries, *(f"<{name}>" for name in door.arguments), "unknown"]
    place = random.choice(places)
    raw = random.choice([quote(text, safe=""), quote(text, safe=""), "%ff%fe", "%ed%a0%80"])
    if place.startswith("<") and raw:
        marked = Door(door.method, re.sub(rf"<(\w+:)?{place[1:]}", "\x02", door.route, count=1))
        return f"{place} {what}", marked.url(attempts.world.named).replace("\x02", raw[:3_000])
    url = door.url(attempts.world.named)
    doubled = f"&{quote(place)}={raw}" if random.random() < 0.1 else ""
    return f"?{place} {what}", f"{url}?{quote(place)}={raw}{doubled}"


# --- Pages ------------------------------------------------------------------------


def test_no_page_fails_at_its_query(attempts: Attempts) -> None:
    for door in chosen(list_pages("GET")):
        random, url = random_of(door), door.url(attempts.world.named)
        with asked_names() as asked:
            answer = attempts.send(door, "valid", "GET", url)
        if answer is not None and answer.status_code == 405:
            continue
        queries = sorted(asked)
        for _ in range(EXAMPLES):
            what, address = plant_in_address(door, attempts, random, queries)
            partial = {"HX-Request": "true"} if random.random() < 0.3 else {}
            attempts.send(door, what, "GET", address, headers=partial)


def test_no_form_fails_at_what_is_typed(attempts: Attempts) -> None:
    shown = find_forms(attempts)
    for door in chosen(list_pages("POST")):
        random, url = random_of(door), door.url(attempts.world.named)
        valid = dict(shown.get(url, {}))
        with asked_names() as asked:
            answer = attempts.send(door, "untouched", "POST", url, form_of(valid), FORM)
        if answer is not None and answer.status_code == 405:
            continue
        for _ in range(EXAMPLES):
            place = random.choice(sorted({*valid, *asked, "unknown"}))
            what, text = choose(random, {**TEXTS, **_as_typed()})
            with asked_names() as more:
                attempts.send(
                    door, f"{place}: {what} beside {valid}"[:1000], "POST", url,
                    form_of({**valid, place: [text]}), FORM,
                )  # fmt: skip
            asked |= more
        what, kind = random.choice(list(BODIES)), random.choice(CONTENT_TYPES)
        attempts.send(door, f"{what} as {kind}", "POST", url, BODIES[what], kind)
        name, value = choose(random, VALUES)
        body = random.choice(list(plant(dict.fromkeys(sorted(asked), "1"), value)))
        attempts.send(door, f"JSON {name}: {body[:300]}", "POST", url, body)


def find_forms(attempts: Attempts) -> dict[str, dict[str, list[str]]]:
    """Return what the forms of all pages post untouched, by the address that they post to."""
    found: dict[str, dict[str, list[str]]] = {}
    for door in list_pages("GET"):
        url = door.url(attempts.world.named)
        answer = attempts.send(door, "valid", "GET", url)
        if answer is None or answer.status_code != 200 or answer.streaming:
            continue
        html = answer.content.decode(errors="replace")
        for form in re.finditer(r"(?s)<form([^>]*)>(.*?)</form>", html):
            target = re.search(r'(?:action|hx-post)="([^"]*)"', form[1])
            try:
                posted = dict(post_untouched(form[2]).lists())
            except KeyError:  # a field without a name is sent by no browser
                posted = {}
            address = (target[1] if target else "").split("?")[0] or url
            if len(posted) > len(found.get(address, {})):
                found[address] = posted
    return found


def form_of(values: dict[str, Any]) -> str:
    return urlencode(values, doseq=True, errors="replace")


def _as_typed() -> dict[str, str]:
    return {f"JSON {name}": text for name, text in VALUES.items()}


# --- Hooks and events -------------------------------------------------------------


def test_no_hook_fails_at_a_signed_message(attempts: Attempts) -> None:
    world, random = attempts.world, random_of("hooks")
    client, hook = Client(raise_request_exception=False), Webhook(world.hook_secret)
    url = f"/hooks/{world.hook.public_id}/"
    valid = {"amount": 1200, "purpose": "car"}
    for number in range(25 * EXAMPLES):
        name, value = choose(random, VALUES)
        none = [each.decode("latin-1") for each in BODIES.values()]
        body = random.choice([*plant(valid, value), *none])
        at = world.now + timedelta(seconds=random.choice([0, 0, 0, 400]))
        about = f"m{number}"
        headers = {
            "webhook-id": about,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": hook.sign(about, at, body),
        }
        if random.random() < 0.2:
            what, text = choose(random, HEADERS)
            headers[random.choice(sorted(headers))] = text
            name = f"{name}, header {what}"
        kind = random.choice(CONTENT_TYPES) if random.random() < 0.1 else "application/json"
        attempts.send(
            "hook", f"{name}: {body[:200]} {headers}"[:800], "POST", url, body.encode(), kind,
            client=client, headers=headers,
        )  # fmt: skip


def test_no_event_fails_at_its_attributes(attempts: Attempts) -> None:
    random = random_of("events")
    event = {
        "specversion": "1.0", "id": "1", "source": "/shop", "type": "paid", "subject": "7",
        "time": "2026-03-10T10:00:00Z", "datacontenttype": "application/json",
        "dataschema": "x", "data": {"a": [1]},
    }  # fmt: skip
    url = "/api/v1/events"
    structured = "application/cloudevents+json"
    for _ in range(25 * EXAMPLES):
        name, value = choose(random, VALUES)
        body = random.choice(list(plant(event, value)))
        attempts.send("event", f"{name}: {body[:300]}", "POST", url, body, structured)
        name, value = choose(random, VALUES)
        headers = {f"ce-{key}": str(text) for key, text in event.items() if key != "data"}
        what, text = choose(random, HEADERS)
        headers[random.choice(sorted(headers))] = text
        attempts.send(
            "binary event", f"{what} {headers}"[:600] + value[:200], "POST", url, value,
            headers=headers,
        )  # fmt: skip


def test_every_way_in_is_found() -> None:
    assert len(list_operations()) > 100
    assert len(list_pages("POST")) > 150
    assert quote_from_bytes(b"\xff") == "%FF"

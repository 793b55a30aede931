import json
import socket
import time
import tracemalloc
from typing import Any

import pytest
from pydantic import ValidationError

from flows.graph.model import Step
from flows.steps.answers import LONGEST_RETRY_AFTER_SECONDS, read_retry_after
from flows.steps.base import Result, StepFailure
from flows.steps.http import HttpRequest
from flows.steps.registry import all_step_types
from tests.integration.steps.servers import Service
from tests.unit.steps.contexts import NOW, context


def call(url: str, attempt: int = 1, **config: Any) -> Result:
    checked = HttpRequest.Config.model_validate({"url": url, "timeout_seconds": 5, **config})
    return HttpRequest().run(context(attempt=attempt), checked)


def failure(url: str, **config: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        call(url, **config)
    return caught.value


def test_json_comes_back_parsed_and_cookies_do_not_come_back(service: Service) -> None:
    output = call(service.url("/json"), query={"q": "a b&c"}).output
    assert (output["status"], output["body"]) == (200, {"score": 0.5, "name": "Müller"})
    assert "set-cookie" not in output["headers"]
    assert service.requests[0][:2] == ("GET", "/json?q=a+b%26c")


def test_any_json_media_type_is_json(service: Service) -> None:
    assert call(service.url("/problem")).output["body"] == {"a": 1}
    assert call(service.url("/chunked")).output["body"] == {"parts": [1, 2, 3]}


def test_text_is_decoded_by_its_charset_and_holds_no_nul(service: Service) -> None:
    assert call(service.url("/text")).output["body"] == "Müller"
    assert call(service.url("/nothing"), method="DELETE").output == {
        "status": 204,
        "headers": {"content-length": "0", **_dated(service)},
        "body": "",
    }


def _dated(service: Service) -> dict[str, str]:
    headers = call(service.url("/nothing")).output["headers"]
    return {name: headers[name] for name in ("server", "date")}


def test_a_body_is_sent_as_json_with_a_key_that_is_the_same_for_each_attempt(
    service: Service,
) -> None:
    for attempt in (1, 2):
        call(service.url("/json"), attempt=attempt, method="POST", body={"name": "Müller"})
    keys = {headers["idempotency-key"] for _, _, headers, _ in service.requests}
    assert keys == {"run-12-5-2"}
    _, _, headers, body = service.requests[0]
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"name": "Müller"}


def test_a_text_body_is_sent_as_it_is_and_own_headers_win(service: Service) -> None:
    given = {"Content-Type": "text/csv", "idempotency-key": "mine"}
    call(service.url("/json"), method="PUT", body="a;b", headers=given)
    _, _, headers, body = service.requests[0]
    assert (headers["content-type"], headers["idempotency-key"], body) == (
        "text/csv",
        "mine",
        b"a;b",
    )


def test_provenance_says_who_answered_and_how_fast(service: Service) -> None:
    provenance = call(service.url("/json")).provenance
    assert provenance is not None
    assert (provenance["service"], provenance["status"]) == (service.address, 200)
    assert provenance["latency_ms"] >= 0


# --- Answers that fail ------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "retryable", "seconds"),
    [
        ("/error", True, None),
        ("/busy", True, 120.0),
        ("/closed", True, 30.0),
        ("/bad-request", False, None),
        ("/missing", False, None),
    ],
)
def test_a_status_says_whether_and_when_to_try_again(
    service: Service, path: str, retryable: bool, seconds: float | None
) -> None:
    found = failure(service.url(path))
    assert (found.kind, found.retryable, found.retry_after_seconds) == ("http", retryable, seconds)
    assert found.detail["body"] in found.message


def test_a_status_that_is_accepted_is_an_answer(service: Service) -> None:
    assert call(service.url("/missing"), accept_statuses=[404]).output["body"] == "no such thing"


def test_a_redirect_is_named_and_not_followed(service: Service) -> None:
    found = failure(service.url("/redirect"))
    assert (found.kind, found.retryable) == ("redirect", False)
    assert "169.254.169.254" in found.message


def test_a_slow_answer_times_out(service: Service) -> None:
    found = failure(service.url("/slow"), timeout_seconds=0.3)
    assert (found.kind, found.retryable) == ("timeout", True)
    assert "timeout_seconds" in found.message


def test_an_answer_that_trickles_in_meets_the_same_deadline(service: Service) -> None:
    began = time.monotonic()
    found = failure(service.url("/trickle"), timeout_seconds=0.4)
    assert found.kind == "timeout"
    # All of it takes five seconds.
    assert time.monotonic() - began < 4


def test_a_flood_is_cut_off_at_the_limit(service: Service) -> None:
    found = failure(service.url("/flood"), max_bytes=100_000)
    assert (found.kind, found.retryable) == ("too_large", False)
    assert "max_bytes" in found.message


def test_a_packed_answer_is_counted_as_it_unpacks(service: Service) -> None:
    tracemalloc.start()
    try:
        found = failure(service.url("/bomb"), max_bytes=100_000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.kind, found.retryable) == ("too_large", False)
    assert most < 32_000_000


def test_an_answer_that_breaks_off_is_tried_again(service: Service) -> None:
    found = failure(service.url("/hang-up"))
    assert (found.kind, found.retryable) == ("connection", True)


def test_what_is_called_json_and_is_none_breaks_the_contract(service: Service) -> None:
    found = failure(service.url("/broken-json"))
    assert (found.kind, found.retryable) == ("contract", False)


def test_json_of_white_space_alone_is_an_empty_answer(service: Service) -> None:
    assert call(service.url("/blank-json")).output["body"] is None


@pytest.mark.parametrize(
    ("path", "words"), [("/nested", "nests too deep"), ("/large-number", "/id: The whole number")]
)
def test_an_answer_that_cannot_be_kept_breaks_the_contract(
    service: Service, path: str, words: str
) -> None:
    found = failure(service.url(path))
    assert (found.kind, found.retryable) == ("contract", False)
    assert words in found.message


def test_a_refused_connection_is_tried_again(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings.OUTGOING_ALLOWLIST = [f"127.0.0.1:{port}"]
    found = failure(f"http://127.0.0.1:{port}/")
    assert (found.kind, found.retryable) == ("connection", True)


def test_a_secret_in_the_query_stays_out_of_the_message(service: Service) -> None:
    found = failure(service.url("/error"), query={"token": "geheim"})
    assert "geheim" not in found.message + json.dumps(found.detail)


# --- Where it may go -------------------------------------------------------------


def test_with_an_empty_list_nothing_is_reached(service: Service, settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = []
    found = failure(service.url("/json"))
    assert (found.kind, found.retryable) == ("refused", False)
    assert f"Add {service.address} to OUTGOING_ALLOWLIST" in found.message
    assert service.requests == []


@pytest.mark.parametrize("entry", ["*", "{host}", "{host}:1"])
def test_a_private_address_needs_exactly_its_host_and_port(
    service: Service, settings: Any, entry: str
) -> None:
    settings.OUTGOING_ALLOWLIST = [entry.format(host=service.host)]
    assert failure(service.url("/json")).kind == "refused"
    assert service.requests == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::ffff:127.0.0.1]"],
)  # fmt: skip
def test_no_spelling_of_this_machine_gets_past_an_open_list(
    service: Service, settings: Any, host: str
) -> None:
    settings.OUTGOING_ALLOWLIST = ["*"]
    assert failure(f"http://{host}:{service.port}/json").kind == "refused"
    assert service.requests == []


def test_a_name_that_resolves_to_this_machine_is_refused_by_its_address(
    service: Service, settings: Any
) -> None:
    """The list allows the name, but not with its port: the resolved address decides."""
    settings.OUTGOING_ALLOWLIST = ["localhost"]
    found = failure(f"http://localhost:{service.port}/json")
    assert (found.kind, found.retryable) == ("refused", False)
    assert "private network" in found.message


def test_a_name_with_its_port_on_the_list_may_be_private(service: Service, settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = [f"LOCALHOST:{service.port}"]
    assert call(f"http://localhost:{service.port}/json").output["status"] == 200


def test_a_name_that_does_not_resolve_is_tried_again(settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = ["nowhere.invalid"]
    found = failure("http://nowhere.invalid/")
    assert (found.kind, found.retryable) == ("connection", True)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "file:///etc/passwd", "example.com", "http://", "http://a:b@example.com/",
     "http://[::1/", "http://example.com:99999/", ""],
)  # fmt: skip
def test_what_is_no_plain_http_address_is_refused(settings: Any, url: str) -> None:
    settings.OUTGOING_ALLOWLIST = ["*"]
    found = failure(url)
    assert (found.kind, found.retryable) == ("refused", False)


def test_the_environments_proxy_is_not_used(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert call(service.url("/json")).output["status"] == 200


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
def test_headers_that_frame_the_request_cannot_be_set(name: str) -> None:
    with pytest.raises(ValidationError, match="set by the client"):
        HttpRequest.Config.model_validate({"url": "http://a", "headers": {name: "x"}})


def test_a_header_with_a_line_break_is_refused(service: Service) -> None:
    found = failure(service.url("/json"), headers={"X-Note": "a\r\nX-Evil: 1"})
    assert (found.kind, found.retryable) == ("config", False)
    assert service.requests == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("99999999", LONGEST_RETRY_AFTER_SECONDS),
        ("Tue, 10 Mar 2026 10:01:00 GMT", 60.0),
        ("Tue, 10 Mar 2020 10:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert read_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["::127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"], ["2001:0:1::1"], ["0.0.0.0"], ["224.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
    ],
)  # fmt: skip
def test_a_name_is_refused_by_any_address_it_leads_to_inside(
    service: Service, settings: Any, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    def answer(host: str, port: int, **_named: Any) -> list[Any]:
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [
            (family[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses
        ]

    settings.OUTGOING_ALLOWLIST = ["inside.example"]
    monkeypatch.setattr(socket, "getaddrinfo", answer)
    found = failure(f"http://inside.example:{service.port}/json")
    assert (found.kind, found.retryable) == ("refused", False)
    assert "private network" in found.message
    assert service.requests == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/x", "Add 127.0.0.1:9 to OUTGOING_ALLOWLIST"),
        ("http://[::ffff:a00:1]/", "not allowed"),
        ("http://2130706433/", "not allowed"),
        ("ftp://example.com/", "not an HTTP address"),
    ],
)
def test_an_address_that_would_be_refused_is_named_while_the_flow_is_written(
    url: str, words: str
) -> None:
    [problem] = HttpRequest().check(Step("call", "http.request", config={"url": url}))
    assert (problem.severity, problem.field) == ("warning", "with.url")
    assert words in f"{problem.message} {problem.remedy}"


@pytest.mark.parametrize(
    "url", ["${ input.url }", "https://${ input.host }/x", "https://example.com/", "", 7, None]
)
def test_an_address_that_is_not_known_yet_is_judged_when_it_is_called(url: Any) -> None:
    assert list(HttpRequest().check(Step("call", "http.request", config={"url": url}))) == []


def test_every_step_type_with_an_address_warns_of_one_inside() -> None:
    with_address = [each for each in all_step_types() if "url" in each.Config.model_fields]
    assert {each.name for each in with_address} >= {"http.request", "checkpoint.tell"}
    for each in with_address:
        config = {"url": "http://127.0.0.1:9/"}
        assert "address.refused" in {
            problem.code for problem in each.check(Step("call", each.name, config=config))
        }, each.name

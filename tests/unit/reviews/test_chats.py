"""Addresses of chats, and the message as each kind reads it."""

import json

import pytest

from flows.steps.base import StepFailure
from reviews.notices.chats import KINDS, Chat, chat_problem, read_chat


@pytest.mark.parametrize(
    ("address", "kind", "url"),
    [
        ("https://hooks.slack.com/services/T/B/x", "slack", "https://hooks.slack.com/services/T/B/x"),
        ("https://discord.com/api/webhooks/1/x", "discord", "https://discord.com/api/webhooks/1/x"),
        ("https://acme.webhook.office.com/w/x", "teams", "https://acme.webhook.office.com/w/x"),
        ("https://p-1.logic.azure.com:443/w?sig=x", "teams", "https://p-1.logic.azure.com:443/w?sig=x"),
        ("https://chat.example.com/hooks/x", "mattermost", "https://chat.example.com/hooks/x"),
        ("slack+https://chat.example.com/x", "slack", "https://chat.example.com/x"),
        ("json+http://10.0.0.1:8/x", "json", "http://10.0.0.1:8/x"),
        # A host that only looks like one of the services gets no other form than any host.
        ("https://hooks.slack.com.example.org/x", "mattermost", "https://hooks.slack.com.example.org/x"),
        # As earlier releases took them.
        ("slack://T1/B2/x3", "slack", "https://hooks.slack.com/services/T1/B2/x3"),
        ("slack://bot@T1/B2/x3/#ops", "slack", "https://hooks.slack.com/services/T1/B2/x3"),
        ("mmosts://chat.example.com/x", "mattermost", "https://chat.example.com/hooks/x"),
        ("mmost://chat:8065/team/x", "mattermost", "http://chat:8065/team/hooks/x"),
        ("jsons://host/x", "json", "https://host/x"),
    ],
)  # fmt: skip
def test_an_address_says_where_and_how(address: str, kind: str, url: str) -> None:
    assert read_chat(address) == Chat(kind, url)


@pytest.mark.parametrize(
    "address",
    ["", "chat", "matrix://user:pass@host", "mailto://a:b@example.com", "irc+https://host/x",
     "slack://xoxb-1-2-3", "file:///etc/passwd", "ftp://host/x", "https://[::1/"],
)  # fmt: skip
def test_what_is_no_known_chat_is_refused_with_the_remedy(address: str) -> None:
    with pytest.raises(StepFailure, match="incoming webhook"):
        read_chat(address)
    assert "incoming webhook" in chat_problem(address)


@pytest.mark.parametrize(
    "address",
    ["slack+http://127.0.0.1/x", "json://2130706433/x", "mmost://[::ffff:7f00:1]/x",
     "https://hooks.slack.com@127.0.0.1/x", "https://localhost/x"],
)  # fmt: skip
def test_a_chat_inside_is_refused_when_it_is_saved(address: str, settings: object) -> None:
    settings.OUTGOING_ALLOWLIST = ["*"]  # type: ignore[attr-defined]
    assert chat_problem(address)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_holds_title_and_text(kind: str) -> None:
    written = json.dumps(KINDS[kind]("Overdue: Loan", "Case 7\nhttp://localhost/7/"))
    assert "Overdue: Loan" in written
    assert "http://localhost/7/" in written


@pytest.mark.parametrize("kind", ["slack", "mattermost", "teams", "discord"])
def test_a_title_cannot_call_everybody_or_hide_a_link(kind: str) -> None:
    written = json.dumps(KINDS[kind]("<!channel> @all [here](http://evil)", ""))
    if kind == "slack":
        assert "<" not in written
    else:
        assert "@all" not in written
        assert "](" not in written

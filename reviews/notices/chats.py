"""Tell a chat by the address of its incoming webhook, in the JSON that its service reads.

The address is a secret: whoever has it can write into the chat. So messages name its host alone.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flows.steps.base import StepFailure
from flows.steps.destinations import check_destination, find_fault
from flows.steps.outgoing import Outgoing, send

TIMEOUT_SECONDS = 15.0
MAX_ANSWER_BYTES = 64 * 1024
REMEDY = (
    "Enter the address of the chat's incoming webhook, such as https://hooks.slack.com/services/…; "
    "for a host that does not tell its kind, put mattermost+, slack+, teams+, discord+ or json+ "
    "before https://."
)


@dataclass(frozen=True, slots=True)
class Chat:
    """``kind`` is one of KINDS: it says how the message is written."""

    kind: str
    url: str


def tell_chat(*, address: str, title: str, text: str, now: datetime) -> None:
    """Post a message. Raises: StepFailure."""
    chat = read_chat(address)
    check_destination(chat.url)
    send(
        Outgoing(
            method="POST",
            url=chat.url,
            headers={},
            query={},
            body=KINDS[chat.kind](title, text),
            timeout_seconds=TIMEOUT_SECONDS,
            max_bytes=MAX_ANSWER_BYTES,
            shown_as=urlsplit(chat.url).hostname or "",
        ),
        now,
    )


def chat_problem(address: str) -> str:
    """Return what is wrong with a chat's address, "" if nothing is."""
    try:
        return str(find_fault(read_chat(address).url) or "")
    except StepFailure as failure:
        return str(failure)


# --- The address ----------------------------------------------------------------------

# Kinds by the host at which a service takes messages.
_HOSTS = (
    (re.compile(r"hooks\.slack(-gov)?\.com"), "slack"),
    (re.compile(r"(.+\.)?discord(app)?\.com"), "discord"),
    (re.compile(r".+\.(webhook\.office\.com|logic\.azure\.com|api\.powerplatform\.com)"), "teams"),
)


def read_chat(address: str) -> Chat:
    """Return the chat that the address names. Raises: StepFailure."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        raise _unknown() from None
    kind, _, scheme = parts.scheme.rpartition("+")
    if scheme in {"http", "https"}:
        url = parts._replace(scheme=scheme).geturl()
        kind = kind or _kind_of(parts.hostname or "")
    else:
        kind, url = _read_older_form(parts.scheme, address.strip().partition("://")[2])
    if kind not in KINDS:
        raise _unknown()
    return Chat(kind, url)


def _kind_of(host: str) -> str:
    """Return the host's kind. One that runs in the house is most like Mattermost."""
    return next((kind for known, kind in _HOSTS if known.fullmatch(host)), "mattermost")


def _read_older_form(scheme: str, rest: str) -> tuple[str, str]:
    """Return kind and URL of an address as earlier releases took it."""
    match scheme:
        case "json" | "jsons":
            return "json", f"http{scheme[4:]}://{rest}"
        case "mmost" | "mmosts":
            host, _, token = rest.strip("/").rpartition("/")
            return "mattermost", f"http{scheme[5:]}://{host}/hooks/{token}"
        case "slack":
            tokens = [part for part in rest.rpartition("@")[2].split("/") if part[:1] not in "#"]
            if len(tokens) == 3:  # noqa: PLR2004 # workspace, app, key
                return "slack", f"https://hooks.slack.com/services/{'/'.join(tokens)}"
    raise _unknown()


def _unknown() -> StepFailure:
    return StepFailure(f"This is no address of a chat. {REMEDY}", kind="config", retryable=False)


# --- The message ----------------------------------------------------------------------

# A title is written by others. It must not call everybody, nor pass for a link.
_LONGEST_DISCORD = 2000
_BREAK = "\u200b"


def _for_slack(title: str, text: str) -> Mapping[str, Any]:
    escaped = f"{title}\n{text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped}


def _for_mattermost(title: str, text: str) -> Mapping[str, Any]:
    return {"text": _without_marks(f"{title}\n{text}")}


def _for_discord(title: str, text: str) -> Mapping[str, Any]:
    content = _without_marks(f"{title}\n{text}")[:_LONGEST_DISCORD]
    return {"content": content, "allowed_mentions": {"parse": []}}


def _for_teams(title: str, text: str) -> Mapping[str, Any]:
    lines = [title, *text.splitlines()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": _without_marks(line), "wrap": True}
            | ({"weight": "Bolder"} if number == 0 else {})
            for number, line in enumerate(lines)
        ],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _for_json(title: str, text: str) -> Mapping[str, Any]:
    return {"version": "1.0", "title": title, "message": text, "attachments": [], "type": "warning"}


def _without_marks(text: str) -> str:
    """Break what calls people (@channel) and what writes a link under other words ([..](..))."""
    return text.replace("@", f"@{_BREAK}").replace("](", f"]{_BREAK}(")


KINDS: Mapping[str, Callable[[str, str], Mapping[str, Any]]] = {
    "slack": _for_slack,
    "mattermost": _for_mattermost,
    "teams": _for_teams,
    "discord": _for_discord,
    "json": _for_json,
}

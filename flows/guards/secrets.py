"""Secrets in texts that can be told by their form: keys of providers, private keys, tokens.

The secrets of this installation are known by their values and masked elsewhere
(``workbench.secrets.masking``); these here are other people's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flows.guards.findings import Hit
from flows.guards.folding import fold_forms, fold_in_place
from flows.guards.personal import drop_overlaps

_LONGEST_KEY = 20_000  # characters of a private key in its armour


@dataclass(frozen=True, slots=True)
class Form:
    """A form of secrets. One of ``hints`` is in every text that has one; that is looked at first."""

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    score: float = 0.95


def _form(name: str, hints: str, pattern: str, score: float = 0.95) -> Form:
    return Form(name, tuple(hints.split()), re.compile(pattern, re.ASCII), score)


_HEAD = r"(?<![A-Za-z0-9_])"
# Every repeat is of one class of characters and bounded, so that none of them backtracks far.
FORMS = (
    _form("aws_key", "AKIA ASIA", _HEAD + r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])"),
    _form("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", _HEAD + r"gh[pousr]_[A-Za-z0-9]{30,255}"),
    _form("github_token", "github_pat_", _HEAD + r"github_pat_[A-Za-z0-9_]{40,255}"),
    _form("gitlab_token", "glpat-", _HEAD + r"glpat-[A-Za-z0-9_\-]{20,64}"),
    _form("slack_token", "xox", _HEAD + r"xox[abeoprs]-[A-Za-z0-9\-]{10,250}"),
    _form("slack_webhook", "hooks.slack.com", r"https://hooks\.slack\.com/services/[A-Z0-9a-z/]{20,80}"),
    _form("stripe_key", "_live_ _test_", _HEAD + r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,250}"),
    _form("openai_key", "sk-", _HEAD + r"sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_\-]{20,250}"),
    _form("google_key", "AIza", _HEAD + r"AIza[0-9A-Za-z_\-]{35}"),
    _form("google_token", "ya29.", _HEAD + r"ya29\.[0-9A-Za-z_\-]{20,500}"),
    _form("npm_token", "npm_", _HEAD + r"npm_[A-Za-z0-9]{36}"),
    _form("pypi_token", "pypi-", _HEAD + r"pypi-[A-Za-z0-9_\-]{50,250}"),
    _form("sendgrid_key", "SG.", _HEAD + r"SG\.[A-Za-z0-9_\-]{16,64}\.[A-Za-z0-9_\-]{16,64}"),
    _form("twilio_key", "SK AC", _HEAD + r"(?:SK|AC)[0-9a-f]{32}(?![0-9a-f])", 0.8),
    _form("api_token", "csn_", _HEAD + r"csn_[A-Za-z0-9_\-]{16,200}"),
    _form("jwt", "eyJ", _HEAD + r"eyJ[A-Za-z0-9_\-]{8,4000}\.eyJ[A-Za-z0-9_\-]{4,8000}\.[A-Za-z0-9_\-]{8,2000}"),
    _form("connection_string", "://", _HEAD + r"[a-z][a-z0-9+]{1,20}://[^\s:/@\"'<>]{0,128}:[^\s/@\"'<>]{3,128}@[^\s\"'<>]{3,255}"),
    _form("connection_string", "AccountKey= SharedAccessKey=", r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/=]{20,200}"),
    _form("signature", "sig=", r"[?&]sig=[A-Za-z0-9%+/=\-_]{20,200}", 0.8),
    _form("bearer", "earer ", r"[Bb]earer [A-Za-z0-9_\-.=+/]{20,4000}", 0.85),
)  # fmt: skip
_ASSIGNED = re.compile(
    r"(?<![a-z])(?:api[ _-]?key|secret[ _-]?key|access[ _-]?token|auth[ _-]?token|client[ _-]?secret"
    r"|password|passwort|passwd|pwd|kennwort|mot de passe|secret|token)"
    r"[\"']?(?: is| lautet| ist| est)? ?[:=]{0,2}>? ?[\"']?(?P<value>[^\s\"'<>,;]{6,200})"
)
_ASSIGNED_HINTS = ("key", "token", "secret", "passw", "pwd", "kennwort", "mot de passe")


def find_secrets(text: str) -> list[Hit]:
    """Return the secrets in a text, in its order."""
    folded = fold_forms(text)
    hits = []
    for hit in [*_find_forms(folded.text), *_find_keys(folded.text), *_find_assigned(folded.text)]:
        start, end = folded.span(hit.start, hit.end)
        hits.append(Hit(hit.kind, hit.rule, start, end, hit.score))
    return drop_overlaps(hits)


def _find_forms(text: str) -> Iterator[Hit]:
    for form in FORMS:
        if not any(hint in text for hint in form.hints):
            continue
        for match in form.pattern.finditer(text):
            if not _is_placeholder(match[0]):
                yield Hit("secret", f"secrets.{form.name}", match.start(), match.end(), form.score)


def _find_keys(text: str) -> Iterator[Hit]:
    """Yield private keys in their armour, whole if their end is there."""
    at = text.find("-----BEGIN ")
    while at >= 0:
        head = text.find("-----", at + 11, at + 80)
        if head > 0 and "PRIVATE KEY" in text[at:head]:
            last = text.find("-----END ", head, at + _LONGEST_KEY)
            close = text.find("-----", last + 9, last + 80) if last > 0 else -1
            end = close + 5 if close > 0 else min(len(text), at + _LONGEST_KEY)
            yield Hit("secret", "secrets.private_key", at, end, 0.99)
        at = text.find("-----BEGIN ", at + 11)


def _find_assigned(text: str) -> Iterator[Hit]:
    low = fold_in_place(text)
    if not any(hint in low for hint in _ASSIGNED_HINTS):
        return
    for match in _ASSIGNED.finditer(low):
        start, end = match.span("value")
        value = text[start:end].rstrip(".)")
        if score := _score_assigned(match[0][: start - match.start()], value):
            yield Hit("secret", "secrets.assigned", start, start + len(value), score)


def _score_assigned(before: str, value: str) -> float:
    """Return how likely a value labelled as a secret is to be one, and not a word about one."""
    if _is_placeholder(value) or "://" in value:
        return 0.0
    classes = sum(
        any(test(sign) for sign in value)
        for test in (str.islower, str.isupper, str.isdigit, lambda sign: not sign.isalnum())
    )
    is_given = any(sign in before for sign in ":=") or before.rstrip().endswith(
        (" is", " ist", " lautet", " est")
    )
    if not is_given or classes < 2 or len(value) < 6:  # noqa: PLR2004
        return 0.0
    if classes > 2:  # noqa: PLR2004
        return 0.9
    is_random = any(map(str.isdigit, value)) or (len(value) > 15 and value.isalpha())  # noqa: PLR2004
    return 0.7 if is_random else 0.3


_EMPTY = (
    "xxxx",
    "****",
    "....",
    "example",
    "your",
    "placeholder",
    "changeme",
    "<",
    "{",
    "•••",
    "redacted",
)


def _is_placeholder(text: str) -> bool:
    low = text.lower()
    return any(each in low for each in _EMPTY)

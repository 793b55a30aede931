"""What the content moderation flow looks for. Pure. The lists are samples: put in your own."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from typing_extensions import TypedDict

HARM: Mapping[str, Mapping[str, float]] = {
    "harassment": {
        "idiot": 2,
        "shut up": 1,
        "nobody likes you": 3,
        "loser": 2,
        "you are worthless": 3,
    },
    "threat": {"i will find you": 4, "you will regret": 3, "watch your back": 3, "hurt you": 3},
    "self_harm": {"hurt myself": 4, "end my life": 5, "no reason to live": 4},
    "hate": {"go back to your country": 4, "your kind": 1, "not welcome here": 2},
}
NOTHING = "nothing"
SPAM: Mapping[str, float] = {
    "buy now": 2, "limited offer": 2, "earn money": 3, "click here": 2, "free gift": 2,
    "guaranteed": 1, "act now": 2,
}  # fmt: skip
SHORTENERS = frozenset({"bit.ly", "tinyurl.com", "t.co"})
LOOKALIKES = str.maketrans("013457@$", "oieastas")
LINK = re.compile(r"https?://([^\s/]+)[^\s]*", re.IGNORECASE)
OLD_ACCOUNT_DAYS, MANY_REPORTS = 30, 3
LEAST_LETTERS, SHOUTED_SHARE = 20, 0.6


class Flag(TypedDict):
    """What a rule found, as a case shows it."""

    label: str
    level: Literal["info", "warning", "critical"]
    detail: str


def undo_disguises(text: str) -> str:
    """Return the text without the usual disguises: odd or accented letters, digits inside words."""
    folded = unicodedata.normalize("NFKD", text)
    folded = "".join(each for each in folded if not unicodedata.combining(each))
    words = [
        word.translate(LOOKALIKES) if re.search(r"[A-Za-z]", word) and "//" not in word else word
        for word in folded.split(" ")
    ]
    return " ".join(words)


def find_link_hosts(text: str) -> list[str]:
    """Return the hosts that the text links to."""
    return [host.lower() for host in LINK.findall(text)]


def spam_points(text: str, phrases: Mapping[str, float]) -> dict[str, float]:
    """Return the signs of advertising, with their points."""
    points = {f"“{phrase}”": weight for phrase, weight in phrases.items()}
    hosts = find_link_hosts(text)
    if len(hosts) > 1:
        points[f"{len(hosts)} links"] = len(hosts)
    if short := sorted(SHORTENERS & set(hosts)):
        points[f"Shortened link: {', '.join(short)}"] = 2
    letters = [each for each in text if each.isalpha()]
    capitals = sum(each.isupper() for each in letters)
    if len(letters) > LEAST_LETTERS and capitals > SHOUTED_SHARE * len(letters):
        points["Mostly capitals"] = 2
    return points

"""What a browser posts of a form that nobody touched, by the rules of HTML."""

import re
from datetime import date, datetime
from html.parser import HTMLParser

from django.http import QueryDict


def post_untouched(html: str) -> QueryDict:
    """Return what submitting the form's inputs sends. Inputs in a template are not sent."""
    reader = _Inputs()
    reader.feed(re.sub(r"\r\n?", "\n", re.sub(r"(?s)<template.*</template>", "", html)))
    posted = QueryDict(mutable=True)
    for name, value in reader.sent:
        posted.appendlist(name, re.sub(r"\r\n?|\n", "\r\n", value))
    return posted


class _Inputs(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sent: list[tuple[str, str]] = []
        self.text: list[str] | None = None
        self.name = ""
        self.options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "textarea":
            self.name, self.text = given["name"], []
        elif tag == "select":
            self.name, self.options = given["name"], []
        elif tag == "option":
            self.options.append((given["value"], "selected" in given))
        elif tag == "input" and "name" in given:
            kind = given.get("type", "text")
            if kind not in {"checkbox", "radio"} or "checked" in given:
                usual = "on" if kind in {"checkbox", "radio"} else ""
                self.sent.append((given["name"], _sanitise(kind, given.get("value", usual))))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.text is not None:
            self.sent.append((self.name, "".join(self.text).removeprefix("\n")))
            self.text = None
        elif tag == "select":
            chosen = [value for value, selected in self.options if selected]
            first = [value for value, _ in self.options][:1]
            self.sent += [(self.name, value) for value in chosen[-1:] or first]

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text.append(data)


def _sanitise(kind: str, value: str) -> str:
    """Return the value of an input as its type makes it of what the page says."""
    if kind in {"text", "email", "url"}:
        value = re.sub(r"[\r\n]", "", value)
    if kind in {"email", "url"}:
        value = value.strip(" \t\f")
    fits = True
    match kind:
        case "date":
            fits = _parses(date, value)
        case "datetime-local":
            fits = _parses(datetime, value)
        case "time":
            clock = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?"
            fits = re.fullmatch(clock, value) is not None
        case _:
            return value
    return re.sub(r"(\d\d:\d\d):00$", r"\1", value) if fits else ""


def _parses(kind: type[date], value: str) -> bool:
    try:
        return bool(kind.fromisoformat(value))
    except ValueError:
        return False

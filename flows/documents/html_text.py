"""The text of an HTML page as people see it: no scripts, no styles, nothing that is hidden."""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    {"address", "article", "blockquote", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
     "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p",
     "pre", "section", "table", "tr", "ul"}
)  # fmt: skip
_UNSEEN = frozenset(
    {"script", "style", "title", "template", "noscript", "object", "svg", "math", "iframe"}
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_STAY_OPEN = frozenset({"p", "li", "dd", "dt", "tr", "td", "th"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0", re.IGNORECASE)


def read_html(page: str) -> str:
    """Return the text, a line for each block; cells of a row are parted by tabs."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    said = "".join(reader.said)
    lines = (re.sub(r"[ \xa0\n\r]+", " ", line).strip() for line in said.split("\v"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        # Lines end with \v, which stands in no page: line feeds of the source mean nothing.
        self.said: list[str] = []
        # The element that is not seen, and how deep we are in elements of its name.
        self._unseen, self._depth = "", 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The next one ends those that nobody has to end, and every block ends a paragraph.
        ends_it = {tag} & _STAY_OPEN or (tag in _BLOCKS and {"p"})
        if ends_it and self._unseen in ends_it:
            self._unseen = ""
        if self._unseen:
            self._depth += tag == self._unseen
        elif tag not in _VOID and (tag in _UNSEEN or _is_hidden(attrs)):
            self._unseen, self._depth = tag, 1
        elif tag == "br" or tag in _BLOCKS:
            self.said.append("\v")
        elif tag in {"td", "th"}:
            self.said.append("\t")

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            self._depth -= tag == self._unseen
            self._unseen = self._unseen if self._depth else ""
        elif tag in _BLOCKS:
            self.said.append("\v")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.said.append(data.replace("\v", " "))


def _is_hidden(attrs: list[tuple[str, str | None]]) -> bool:
    said = dict(attrs)
    return "hidden" in said or bool(_HIDDEN.search(said.get("style") or ""))

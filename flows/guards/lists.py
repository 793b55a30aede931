"""Lists of values, as rules look texts up in them: thousands of entries, found without a search.

An entry is matched with the case and the accents folded: ``exact`` is the whole text, ``prefix``
its beginning, ``phrase`` words anywhere in it, ``domain`` a host name in it, with what is below it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flows.guards.findings import Hit
from flows.guards.folding import Folded, fold_words

Json = Any
MATCHES = ("exact", "prefix", "phrase", "domain")
LONGEST_PHRASE = 12  # words
_WORD = re.compile(r"[^\W_]{1,80}")
_HOST = re.compile(
    r"(?<![a-z0-9._-])[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,8}(?![a-z0-9-])"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, which counts up to the day ``until``."""

    value: str
    until: date | None = None

    def counts_on(self, day: date) -> bool:
        return self.until is None or day <= self.until


@dataclass
class Lookup:
    """A list as rules use it."""

    label: str
    exact: dict[str, Entry] = field(default_factory=dict)
    prefix: dict[str, Entry] = field(default_factory=dict)
    phrase: dict[tuple[str, ...], Entry] = field(default_factory=dict)
    domain: dict[str, Entry] = field(default_factory=dict)
    prefix_lengths: list[int] = field(default_factory=list)
    phrase_lengths: dict[str, list[int]] = field(default_factory=dict)

    def find(self, text: str, day: date) -> list[Hit]:
        """Return where the text has an entry of the list that counts on that day."""
        folded = fold_words(text)
        hits = [*self._find_whole(folded, text, day), *self._find_phrases(folded, day)]
        hits += [hit for hit in self._find_domains(folded, day) if hit is not None]
        return hits

    def allows(self, text: str, day: date) -> bool:
        """Return whether the list has the text, or each of the host names in it."""
        folded = fold_words(text)
        if next(iter(self._find_whole(folded, text, day)), None) is not None:
            return True
        domains = list(self._find_domains(folded, day))
        return bool(domains) and all(domains)

    def _find_whole(self, folded: Folded, text: str, day: date) -> Iterator[Hit]:
        whole = " ".join(folded.text.split())
        entry = self.exact.get(whole)
        if entry is not None and entry.counts_on(day):
            yield self._hit("exact", (0, len(text)))
        for length in self.prefix_lengths:
            entry = self.prefix.get(whole[:length])
            if entry is not None and length <= len(whole) and entry.counts_on(day):
                yield self._hit("prefix", (0, len(text)))
                return

    def _find_phrases(self, folded: Folded, day: date) -> Iterator[Hit]:
        if not self.phrase:
            return
        matches = list(_WORD.finditer(folded.text))
        words = [match[0] for match in matches]
        for at, word in enumerate(words):
            for length in self.phrase_lengths.get(word, ()):
                entry = self.phrase.get(tuple(words[at : at + length]))
                if entry is not None and at + length <= len(words) and entry.counts_on(day):
                    span = folded.span(matches[at].start(), matches[at + length - 1].end())
                    yield self._hit("phrase", span)
                    break

    def _find_domains(self, folded: Folded, day: date) -> Iterator[Hit | None]:
        """Yield a hit for each host name in the list, None for each that is not."""
        if not self.domain:
            return
        for match in _HOST.finditer(folded.text):
            parts = match[0].split(".")
            names = (".".join(parts[at:]) for at in range(len(parts) - 1))
            found = (self.domain.get(name) for name in names)
            known = any(entry is not None and entry.counts_on(day) for entry in found)
            yield self._hit("domain", folded.span(*match.span())) if known else None

    def _hit(self, match: str, span: tuple[int, int]) -> Hit:
        return Hit("listed", f"list.{self.label}.{match}", *span, 1.0)


def fold_entry(value: str) -> str:
    """Return an entry's value as it is compared."""
    return " ".join(fold_words(value).text.split())


def read_list(label: str, content: Mapping[str, Json]) -> Lookup:
    """Return a list's content in the form that it is looked up in."""
    lookup = Lookup(label)
    for each in content.get("entries", ()):
        until = each.get("until")
        entry = Entry(each["value"], date.fromisoformat(until) if until else None)
        _add(lookup, each.get("match", "exact"), fold_entry(each["value"]), entry)
    lookup.prefix_lengths = sorted({len(key) for key in lookup.prefix}, reverse=True)
    lengths: dict[str, set[int]] = {}
    for words in lookup.phrase:
        lengths.setdefault(words[0], set()).add(len(words))
    lookup.phrase_lengths = {word: sorted(each, reverse=True) for word, each in lengths.items()}
    return lookup


def _add(lookup: Lookup, match: str, key: str, entry: Entry) -> None:
    if match == "phrase":
        if words := tuple(found[0] for found in _WORD.finditer(key)):
            lookup.phrase[words] = entry
    elif match == "domain":
        lookup.domain[key.removeprefix("*.").strip(".")] = entry
    else:
        (lookup.prefix if match == "prefix" else lookup.exact)[key] = entry

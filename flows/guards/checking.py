"""Check a value against rules, and replace what they found as they say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.guards.findings import DOT, LONGEST_EXCERPT, Finding, Hit, Path, dot_out, format_place
from flows.guards.masking import (
    Cut,
    Original,
    Place,
    cut_out,
    find_original,
    join_cuts,
)
from flows.guards.places import Leaf, list_leaves

Json = Any
Level = Literal["info", "warning", "critical"]
Then = Literal["flag", "mask", "tokens", "stop"]
# More findings than these are counted and not listed. All of them are masked.
MOST_LISTED = 200
_PRIVATE = frozenset({"secret", "declared"})
_REPLACES = frozenset({"mask", "tokens"})


@dataclass(frozen=True, slots=True)
class ValueFinding:
    """What a rule found of a value as a whole, or of a place in it.

    ``shown`` is what stands there, if it may be told: nothing of it is told where something private
    was found.
    """

    kind: str
    rule: str
    score: float
    message: str
    path: Path = ()
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its threshold, and what becomes of what it finds.

    ``find_in_text`` looks at one text with the way to it, ``find_in_value`` at the whole value.
    """

    at_least: float = 0.5
    level: Level = "warning"
    then: Then = "flag"
    find_in_text: Callable[[Leaf], Sequence[Hit]] | None = None
    find_in_value: Callable[[Json, Sequence[Leaf]], Sequence[ValueFinding]] | None = None
    say: Callable[[Hit], str] = field(default=lambda hit: "")


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding with the level of its rule and what became of it."""

    finding: Finding
    level: Level
    then: Then


@dataclass(frozen=True, slots=True)
class Checked:
    """The value as it may go on, and what was found. ``unlisted`` are findings beyond the list.

    ``stop`` is the first finding of a rule that stops.
    """

    value: Json
    found: Sequence[Listed]
    unlisted: int = 0
    worst: Level = "info"
    replaced: int = 0
    stop: Listed | None = None

    @property
    def is_flagged(self) -> bool:
        """Whether anything was found that is more than a note."""
        return bool(self.found) and self.worst != "info"


@dataclass(frozen=True, slots=True)
class _Found:
    leaf: Leaf
    hit: Hit
    rule: Rule


KeepOriginals = Callable[[Sequence[Original]], Mapping[Original, str]]


def check_value(value: Json, rules: Sequence[Rule], keep: KeepOriginals) -> Checked:
    """Return what the rules find in a value, and the value with that replaced as they say.

    ``keep`` returns a token for each original; it is called once, and only if there is one.

    Raises: ValueTooLarge.
    """
    leaves = list_leaves(value)
    found = [
        _Found(leaf, hit, rule)
        for rule in rules
        if rule.find_in_text is not None
        for leaf in leaves
        for hit in rule.find_in_text(leaf)
        if hit.score >= rule.at_least
    ]
    cuts = _collect_cuts(found)
    values = _values_by_place(value, cuts)
    originals = [
        find_original(values[place], cut) for place, each in cuts.items() for cut in each
        if cut.with_token
    ]  # fmt: skip
    tokens = keep(list(dict.fromkeys(originals))) if originals else {}
    made = cut_out(value, cuts, tokens) if cuts else value
    names = _rename_keys(cuts, values, tokens)
    private = _collect_private(found)
    listed = [
        *_list_found(found, names, private),
        *_list_of_value(value, leaves, rules, names, private),
    ]
    worst: Level = max((each.level for each in listed), key=_LEVELS.index, default="info")
    return Checked(
        made, listed[:MOST_LISTED], max(0, len(listed) - MOST_LISTED), worst,
        sum(map(len, cuts.values())), next((each for each in listed if each.then == "stop"), None),
    )  # fmt: skip


_LEVELS = ("info", "warning", "critical")


def _collect_cuts(found: Sequence[_Found]) -> dict[Place, list[Cut]]:
    by_place: dict[Place, list[tuple[Hit, bool]]] = {}
    for each in found:
        if each.rule.then in _REPLACES:
            place = (each.leaf.path, each.leaf.is_key)
            by_place.setdefault(place, []).append((each.hit, each.rule.then == "tokens"))
    joined = {place: join_cuts(hits) for place, hits in by_place.items()}
    return {place: cuts for place, cuts in joined.items() if cuts}


def _values_by_place(value: Json, places: Mapping[Place, Any]) -> dict[Place, Json]:
    """Return the text or number at each place."""
    found: dict[Place, Json] = {}
    for path, is_key in places:
        each = value
        for part in path[:-1] if is_key else path:
            each = each[part]
        found[path, is_key] = path[-1] if is_key else each
    return found


def _list_found(
    found: Sequence[_Found], names: Mapping[Path, str], private: Mapping[Place, list[Hit]]
) -> Iterator[Listed]:
    for each in found:
        leaf, hit = each.leaf, each.hit
        place = format_place(_rename(leaf.path, names)) + (" (key)" if leaf.is_key else "")
        excerpt = _make_excerpt(leaf.text, hit, private.get((leaf.path, leaf.is_key), ()))
        yield Listed(
            Finding(hit.kind, hit.rule, place, hit.score, hit.start, hit.end, excerpt,
                    each.rule.say(hit)),
            each.rule.level, each.rule.then,
        )  # fmt: skip


def _collect_private(found: Sequence[_Found]) -> dict[Place, list[Hit]]:
    """Return what no excerpt may show, by place."""
    private: dict[Place, list[Hit]] = {}
    for each in found:
        is_private = each.hit.kind in _PRIVATE or each.hit.rule.startswith("personal.")
        if is_private or each.rule.then in _REPLACES:
            private.setdefault((each.leaf.path, each.leaf.is_key), []).append(each.hit)
    return private


def _make_excerpt(text: str, hit: Hit, private: Sequence[Hit]) -> str:
    """Return what was found, with all that is private in it dotted out."""
    if any(each is hit for each in private):
        return dot_out(text[hit.start : hit.end])
    end = min(hit.end, hit.start + LONGEST_EXCERPT)
    signs = list(text[hit.start : end])
    for each in private:
        for at in range(max(each.start, hit.start), min(each.end, end)):
            signs[at - hit.start] = DOT
    return "".join(signs) + ("…" if end < hit.end else "")


def _rename_keys(
    cuts: Mapping[Place, Sequence[Cut]], values: Mapping[Place, Json],
    tokens: Mapping[Original, str],
) -> dict[Path, str]:  # fmt: skip
    """Return what became of the keys that were masked, by the way to them."""
    return {
        path: str(cut_out(values[path, True], {((), False): each}, tokens))
        for (path, is_key), each in cuts.items()
        if is_key
    }


def _rename(path: Path, names: Mapping[Path, str]) -> Path:
    if not names:
        return path
    return tuple(names.get(path[: at + 1], part) for at, part in enumerate(path))


def _list_of_value(
    value: Json, leaves: Sequence[Leaf], rules: Sequence[Rule], names: Mapping[Path, str],
    private: Mapping[Place, list[Hit]],
) -> Iterator[Listed]:  # fmt: skip
    for rule in rules:
        for each in rule.find_in_value(value, leaves) if rule.find_in_value else ():
            if each.score >= rule.at_least:
                place = format_place(_rename(each.path, names))
                shown = dot_out(each.shown) if (each.path, False) in private else each.shown
                finding = Finding(
                    each.kind, each.rule, place, each.score, excerpt=shown, message=each.message
                )
                yield Listed(finding, rule.level, rule.then)

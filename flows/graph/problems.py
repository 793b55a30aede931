"""Problems: what is wrong with a document, and how its author can fix it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where it is, what it is, and what to do about it.

    ``code`` is a stable dotted name. ``step`` is "" for the flow itself. ``field`` is the path
    inside the step or the flow, such as ``with.cases[0].when``. ``line`` counts from 1 and is
    known only when the document came from text. ``fix`` holds the operations of an edit that
    corrects the fault, or is None where the right edit is the author's choice.
    """

    severity: Severity
    code: str
    step: str
    field: str
    message: str
    remedy: str
    fix: Sequence[Mapping[str, Any]] | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f"step {self.step}" if self.step else "flow"
        if self.field:
            place += f", {self.field}"
        if self.line:
            place += f" (line {self.line})"
        return f"{self.severity}: {place}: {self.message} {self.remedy}"


# Nobody reads more at once, and a text of faults alone may not cost more than a good one.
MAX_PROBLEMS = 500
# Comparing two names takes some microseconds, and a document may hold thousands of each.
_MOST_COMPARED = 200
_LONGEST_COMPARED = 200
_MOST_NAMED = 100


class DocumentError(ValueError):
    """The text is not a flow document. ``problems`` holds every fault that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def error(code: str, step: str, field: str, message: str, remedy: str, **more: Any) -> Problem:
    return Problem("error", code, step, field, message, remedy, **more)


def warning(code: str, step: str, field: str, message: str, remedy: str, **more: Any) -> Problem:
    return Problem("warning", code, step, field, message, remedy, **more)


def join_names(names: Iterable[str]) -> str:
    """Return the names as prose: ``a, b or c``."""
    *rest, last = list(names) or ["nothing"]
    return f"{', '.join(rest)} or {last}" if rest else last


def find_closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one, or None if none is close.

    Of very many names, only some that begin with the same letter are compared.
    """
    if len(name) > _LONGEST_COMPARED:
        return None
    names = sorted(known)
    if len(names) > _MOST_COMPARED:
        names = [each for each in names if each[:1] == name[:1]][:_MOST_COMPARED]
    found = get_close_matches(name, names, n=1, cutoff=0.6)
    return found[0] if found else None


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a remedy: ``Did you mean …?`` with the closest known name, else all that are known."""
    names = sorted(known)
    close = find_closest(name, names)
    if close:
        return f"Did you mean {close}?"
    if len(names) > _MOST_NAMED:
        return f"Use {join_names([*names[:_MOST_NAMED], 'another'])}."
    return f"Use {join_names(names)}." if names else "Remove it: there is none to choose."

"""The rules on secrets: none is written out, and each is read only in a field made for it."""

import re
from collections.abc import Callable, Iterable, Iterator

from flows.expressions import Expression
from flows.graph.json_values import Path, format_path
from flows.graph.problems import Problem, error
from flows.graph.view import View, walk_texts

_SECRET_KEY = re.compile(
    r"(?i)(\A|[_\-. ])(password|passwd|passphrase|secret|token|credentials?|authorization"
    r"|(api|access|private|secret|signing)[_-]?key)\Z"
)
_SECRET_VALUE = re.compile(
    r"(?i:\bBearer\s+[\w.~+/-]{8,}=*)|(?i:\bBasic\s+[\w+/]{8,}=*\Z)"
    r"|\bsk-[\w-]{16,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bxox[abprs]-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}|://[^/\s:@${}]+:[^/\s:@${}]+@"
)
_ADVICE = "Store it under Admin, Secrets, and write `${ secrets.NAME }` here."


def check_secrets(view: View) -> Iterator[Problem]:
    """Find secrets. Many people read a document, and it is kept: a secret in it is a leak."""
    for name, step in view.steps.items():
        facts = view.facts(name)
        hidden = tuple(facts.secret_fields) if facts else ()
        for path, text in walk_texts(step.config):
            if _is_secret(path, text, hidden):
                yield error(
                    "secret.plain",
                    name,
                    format_path(("with", *path)),
                    "The document contains a secret in plain text.",
                    _ADVICE,
                )
    for part in ("input", "output", "samples"):
        for path, text in walk_texts(getattr(view.document, part)):
            if _SECRET_VALUE.search(text):
                yield error(
                    "secret.plain",
                    "",
                    format_path((part, *path)),
                    "The document contains a secret in plain text.",
                    _ADVICE,
                )


def _is_secret(path: Path, text: str, hidden: tuple[str, ...]) -> bool:
    if _SECRET_VALUE.search(text):
        return True
    if not text or "${" in text:
        return False
    if len(path) == 1 and path[0] in hidden:
        return True
    # In a JSON Schema `required: [password]` and `type: string` are words, not secrets.
    return isinstance(path[-1], str) and bool(_SECRET_KEY.search(path[-1]))


def check_secret_places(view: View) -> Iterator[Problem]:
    """Find secrets that are read in a field that is not made for them, or changed on the way."""
    for used in view.uses:
        if not used.expression.secrets:
            continue
        facts = view.facts(used.step) if used.step else None
        places = facts.secret_places(view.steps[used.step].config) if facts else ()
        fault = find_secret_fault(used.field.removeprefix("with."), used.expression, places)
        if fault:
            yield error("secret.misplaced", used.step, used.field, *fault)


def find_secret_fault(
    path: str, expression: Expression, places: Iterable[str]
) -> tuple[str, str] | None:
    """Return what is wrong with reading secrets at this path of a config, and the remedy.

    A secret is handed over whole: what calculates with it could take it apart, and give out the
    parts where nobody recognises them.
    """
    allowed = tuple(places)
    if not any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in allowed):
        remedy = (
            f"Use it in {', '.join(allowed)}." if allowed else "Use it in a step that takes it."
        )
        return "No secret is given here.", remedy
    if not expression.is_path:
        return (
            "A secret is read inside an expression.",
            "Write `${ secrets.NAME }` by itself, with text before or after it.",
        )
    return None


SECRET_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    check_secrets,
    check_secret_places,
)

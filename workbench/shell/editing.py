"""Save a form over the object that its page showed, or show what somebody else saved meanwhile.

A page makes an ``Edit``, its form carries ``{% revision edit %}``, and the view saves by
``edit.save``. If the object is another by then nothing is written: the page comes back with what
was typed, and ``shell/_conflict.html`` shows beside it what is saved now. Who reads that may save
over it; the button names the revision that it showed, so that a third person's change is not lost
either.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from workbench.http.revisions import Change, Editable, Row

Json = Any
Saved = TypeVar("Saved")
CONFLICT, INVALID, OK = 409, 422, 200


class AlreadyThere(Exception):
    """What the form would make has been made already."""


class Difference(NamedTuple):
    """A field in which what is saved now and what was typed are not the same."""

    label: str
    saved: str
    typed: str


@dataclass(frozen=True, slots=True)
class Conflict(Generic[Row]):
    """What stands against a save: the object as somebody else left it. ``row`` None: it is gone."""

    row: Row | None
    revision: str = ""
    change: Change | None = None


@dataclass(slots=True)
class Edit(Generic[Row]):
    """One edit of an object on a page. ``row`` is the object that it found; None makes one."""

    request: HttpRequest
    editable: Editable[Row]
    row: Row | None
    conflict: Conflict[Row] | None = None
    differences: list[Difference] = field(default_factory=list)

    @property
    def sent(self) -> bool:
        return self.request.method == "POST"

    @property
    def revision(self) -> str:
        """The revision that the form was filled with: the one it sent, or the one it is served."""
        if self.sent:
            return self.request.POST.get("revision", "")
        return self.editable.revision_of(self.row) if self.row is not None else ""

    @property
    def status(self) -> int:
        """The status of the page that shows the form."""
        if self.conflict is not None:
            return CONFLICT
        return INVALID if self.sent else OK

    def save(self, write: Callable[[], Saved], *identity: Json) -> Saved | None:
        """Return what ``write`` returns, or None with ``conflict`` set if the object is another.

        It is compared and written under one lock. ``identity`` is that of a new object.

        Raises: AlreadyThere, where ``row`` is None.
        """
        known = {self.revision, self.request.POST.get("over", "")}
        found = self.editable.identify(self.row) if self.row is not None else identity
        with self.editable.hold(*found) as row:
            if self.row is None and row is not None:
                raise AlreadyThere
            if row is None and self.row is not None:
                self.conflict = Conflict(None)
            elif row is not None and self.editable.revision_of(row) not in known:
                change = self.editable.find_last_change(row)
                self.conflict = Conflict(row, self.editable.revision_of(row), change)
            return write() if self.conflict is None else None

    def compare(
        self,
        form: forms.BaseForm,
        initial_of: Callable[[Row], Mapping[str, Json]],
        *more: Callable[[Row], Difference],
    ) -> None:
        """List where a form differs from what it would be filled with now, if that is a conflict.

        ``more`` compare what is not a field of the form.
        """
        if self.conflict is None or self.conflict.row is None:
            return
        saved = initial_of(self.conflict.row)
        shown = [form[name] for name in form.fields if _is_shown(form[name])]
        found = [_compare_field(each, saved.get(each.name)) for each in shown]
        found += [compare(self.conflict.row) for compare in more]
        self.differences = [each for each in found if each.saved != each.typed]


def warn_of_conflict(edit: Edit[Any], kept: str) -> None:
    """Say on the next page that a removal did not happen, because the object is another now."""
    by = edit.conflict.change.by if edit.conflict and edit.conflict.change else "Somebody else"
    messages.error(edit.request, f"{kept} {by} changed it meanwhile: look at it, then decide.")


def join_lines(lines: Iterable[str]) -> str:
    """Return values as the lines of one text, for a Difference."""
    return "\n".join(line for line in lines if line)


def _is_shown(bound: forms.BoundField) -> bool:
    return not bound.is_hidden and not isinstance(bound.field.widget, forms.PasswordInput)


def _compare_field(bound: forms.BoundField, saved: Json) -> Difference:
    typed, field_ = bound.value(), bound.field
    return Difference(
        str(bound.label),
        _write(field_, field_.prepare_value(saved)),
        _write(field_, typed),
    )


def _write(field_: forms.Field, value: Json) -> str:
    """Return a field's value as people read it."""
    if isinstance(field_, forms.BooleanField):
        return "On" if value else "Off"
    if choices := getattr(field_, "choices", None):
        labels = {str(key): str(label) for key, label in choices}
        chosen = value if isinstance(value, list | tuple) else [value]
        texts = ["" if each is None else str(each) for each in chosen]
        return ", ".join(labels.get(each, each) for each in sorted(texts))
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else "\n".join(str(value).splitlines()).strip()

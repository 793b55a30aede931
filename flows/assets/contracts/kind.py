"""Contracts as a kind of asset."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from flows.assets.contracts import forms
from flows.assets.contracts.content import check_form, list_problems, make_empty, to_normal_form
from flows.assets.kinds import AssetKind, AssetProblem, Content, Difference
from flows.assets.word_diff import diff_words

Json = Any
_TEXTS = {"description": "Description", "flow": "Flow", "step": "Step"}


class ContractKind(AssetKind):
    name: ClassVar[str] = "contract"
    title: ClassVar[str] = "Contract"
    plural: ClassVar[str] = "contracts"
    icon: ClassVar[str] = "file-check"
    summary: ClassVar[str] = "What the fields of a step's output are expected to be."
    view: ClassVar[str] = "contracts.view"
    edit: ClassVar[str] = "contracts.edit"
    form_template: ClassVar[str] = "flows/contracts/_form.html"
    content_template: ClassVar[str] = "flows/contracts/_content.html"
    preview_template: ClassVar[str] = "flows/assets/_problems_panel.html"
    styles: ClassVar[tuple[str, ...]] = ("drift/drift.css",)
    edit_links: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("Learn one from runs", "flows:contract-learn", "wand-sparkles"),
    )
    tests_help: ClassVar[str] = "A contract has no tests of its own: backtest a flow with a guard."
    largest: ClassVar[int] = 2_000_000

    def empty(self) -> dict[str, Json]:
        return make_empty()

    def normal(self, content: Content) -> dict[str, Json]:
        return to_normal_form(content)

    def check_form(self, content: Content) -> list[AssetProblem]:
        return check_form(content)

    def check(self, content: Content) -> list[AssetProblem]:
        return list_problems(content)

    def describe(self, content: Content) -> str:
        count = len(content.get("fields", ()))
        said = f"{count} field{'' if count == 1 else 's'}"
        if content.get("step"):
            said += f" of {content['flow']} / {content['step']}"
        return f"{said}. {content['description']}" if content.get("description") else said

    def diff(self, before: Content, after: Content) -> list[Difference]:
        old, new = dict(_list_places(before)), dict(_list_places(after))
        return [
            Difference(label, diff_words(old.get(label, ""), new.get(label, "")))
            for label in {**old, **new}
            if old.get(label, "") != new.get(label, "")
        ]

    def show(self, content: Content) -> dict[str, Any]:
        return {"content": content, "rows": [_show_row(each) for each in content.get("fields", [])]}

    def read_edit(self, draft: Content, posted: Any) -> dict[str, Json]:
        return forms.read_edit(draft, posted)

    def fill_form(self, content: Content, posted: Any = None) -> dict[str, Any]:
        return forms.fill_form(content, posted)


def _show_row(each: Mapping[str, Json]) -> dict[str, Json]:
    reference = each.get("reference")
    return {
        "path": each["path"] or "the output",
        "type": each["type"],
        "expected": list(_say_expected(each)),
        "learned": reference["count"] if reference else 0,
    }


def _say_expected(each: Mapping[str, Json]) -> Iterator[str]:
    low, high = each.get("lowest"), each.get("highest")
    if low is not None and high is not None:
        yield f"{low:.12g} to {high:.12g}"
    elif low is not None:
        yield f"at least {low:.12g}"
    elif high is not None:
        yield f"at most {high:.12g}"
    if names := each.get("categories"):
        yield "one of " + ", ".join(names)
    if (hours := each.get("oldest_hours")) is not None:
        yield f"at most {hours:.12g} hours old"
    if each.get("required"):
        yield "never missing"
    elif (share := each.get("missing_at_most")) is not None:
        yield f"missing in at most {share:.2%} of a day"


def _list_places(content: Content) -> Iterator[tuple[str, str]]:
    for key, label in _TEXTS.items():
        yield label, str(content.get(key, ""))
    for each in content.get("fields", []):
        lines: Sequence[str] = [each["type"], *_say_expected(each), *_say_reference(each)]
        yield f"Field {each['path'] or 'output'}", "\n".join(lines)
    drift = content.get("drift", {})
    yield "Drift", "\n".join(f"{name} {value:.6g}" for name, value in drift.items())


def _say_reference(each: Mapping[str, Json]) -> Iterator[str]:
    if reference := each.get("reference"):
        yield f"learned from {reference['count']} values"
        for name, count in reference.get("counts", {}).items():
            yield f"{name}: {count}"
        if points := reference.get("points"):
            middle = points[len(points) // 2]
            yield f"from {points[0]:.6g} over {middle:.6g} to {points[-1]:.6g}"


CONTRACT = ContractKind()

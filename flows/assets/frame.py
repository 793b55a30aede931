"""What a kind of asset adds to the page frame: its tab, search, live nudges, ledger links."""

from typing import Any

from django.urls import reverse

from flows.assets.kinds import AssetKind, all_kinds, get_kind
from flows.assets.models import AssetTestRun
from flows.assets.selectors import list_assets
from workbench.accounts.permissions import can
from workbench.audit.subject_pages import SubjectPage, register_subject_pages
from workbench.http.numbers import number_in
from workbench.live.access import register_live_authoriser
from workbench.shell.registry import (
    Command,
    Found,
    NavItem,
    Tab,
    register_command,
    register_nav,
    register_search,
    register_tab,
)

MOST_FOUND = 6


def register_frame(kind: AssetKind) -> None:
    """Register all of it; the app does so at start-up."""
    register_nav(NavItem("Assets", "", "library", None, 15, "assets"))
    register_tab(Tab("assets", kind.plural.capitalize(), f"flows:{kind.name}-list", kind.view, 10))
    register_command(
        Command(f"New {kind.name}", f"flows:{kind.name}-create", "plus", kind.edit, "create")
    )
    register_search(lambda user, text: _search(kind, user, text))
    register_live_authoriser("assets", _may_hear)
    register_live_authoriser("asset-tests", _may_hear_tests)
    page = SubjectPage(kind.title, f"flows:{kind.name}-detail", kind.icon, kind.view)
    register_subject_pages(kind.name, page)


def _may_hear(user: Any, rest: str) -> bool:
    return any(kind.name == rest and can(user, kind.view) for kind in all_kinds())


def _may_hear_tests(user: Any, rest: str) -> bool:
    runs = AssetTestRun.objects.filter(pk=number_in(rest) or 0)
    kind = runs.values_list("asset__kind", flat=True).first()
    return kind is not None and can(user, get_kind(kind).view)


def _search(kind: AssetKind, user: Any, text: str) -> list[Found]:
    if not can(user, kind.view):
        return []
    return [
        Found(each.title, reverse(f"flows:{kind.name}-detail", args=[each.name]), kind.title,
              kind.icon, each.name)
        for each in list_assets(kind.name, text=text)[:MOST_FOUND]
    ]  # fmt: skip

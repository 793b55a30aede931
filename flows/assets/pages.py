"""The addresses of a kind's pages: the views of flows.assets.views, bound to the kind."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern, path

from flows.assets import publishing_views, testing_views, views
from flows.assets.binding import bind
from flows.assets.kinds import AssetKind
from workbench.accounts.gate import requires

View = Callable[..., HttpResponseBase]

# Whoever works with any flow or queue may read; what is changed reaches every flow.
READ, WRITE = "anywhere", "installation"


def make_pages(kind: AssetKind) -> list[URLPattern]:
    """Return the addresses under ``PLURAL/``; their names begin with the kind's."""
    see, change = _guard(kind, kind.view, READ), _guard(kind, kind.edit, WRITE)
    base, name, number = kind.plural, "<slug:name>", "versions/<int:number>"
    pages: list[tuple[str, View, str]] = [
        ("", see(views.asset_list), "list"),
        ("rows/", see(views.asset_rows), "rows"),
        ("new/", change(views.asset_create), "create"),
        (f"{name}/", see(views.asset_detail), "detail"),
        (f"{name}/edit/", change(views.asset_edit), "edit"),
        (f"{name}/preview/", change(views.asset_preview), "preview"),
        (f"{name}/export/", see(views.asset_export), "export"),
        (f"{name}/import/", change(views.asset_import), "import"),
        (f"{name}/archive/", change(views.asset_archive), "archive"),
        (f"{name}/versions/", see(publishing_views.version_list), "versions"),
        (f"{name}/{number}/", see(publishing_views.version_detail), "version"),
        (f"{name}/{number}/release/", change(publishing_views.release), "release"),
        (f"{name}/rule/", change(publishing_views.release_rule), "rule"),
        (f"{name}/compare/", see(publishing_views.compare), "compare"),
        (f"{name}/publish/", change(publishing_views.publish), "publish"),
        (f"{name}/tests/", see(testing_views.asset_tests), "tests"),
        (f"{name}/tests/run/", change(testing_views.run_against_model), "tests-run"),
    ]
    return [
        path(f"{base}/{address}", view, name=f"{kind.name}-{called}")
        for address, view, called in pages
    ]


def _guard(kind: AssetKind, permission: str, scope: str) -> Callable[[View], View]:
    """Return what binds a view to the kind and asks for a permission before it."""
    return lambda view: requires(permission, scope=scope)(bind(kind, view))

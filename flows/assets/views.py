"""The list of a kind's assets, and one asset: look at it, create it, edit it, archive it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.assets import selectors, services
from flows.assets.editables import make_editable
from flows.assets.errors import AssetExists, AssetInUse, AssetInvalid
from flows.assets.files import LARGEST_FILE, read_as, write_as
from flows.assets.kinds import AssetKind, AssetProblem, Content, FormUnread
from flows.assets.models import Asset
from flows.assets.requests import asset_or_404, make_context, make_names, version_or_404
from flows.views.requests import actor_of, positive_number
from workbench.accounts.permissions import can
from workbench.shell.editing import Difference, Edit, warn_of_conflict

UNPROCESSABLE = 422


@require_GET
def asset_list(request: HttpRequest, kind: AssetKind) -> HttpResponse:
    """Show the kind's assets, which can be searched."""
    return render(request, "flows/assets/list.html", _list_context(request, kind))


@require_GET
def asset_rows(request: HttpRequest, kind: AssetKind) -> HttpResponse:
    return render(request, "flows/assets/_rows.html", _list_context(request, kind))


def _list_context(request: HttpRequest, kind: AssetKind) -> dict[str, Any]:
    text, archived = request.GET.get("q", "").strip()[:80], request.GET.get("archived") == "1"
    found = selectors.list_assets(kind.name, text=text, archived=archived)
    rows = [
        {
            "asset": asset,
            "text": kind.describe(asset.draft),
            "tests": asset.released.tests if asset.released else {},
        }
        for asset in found[: selectors.MOST_LISTED]
    ]
    return {
        "kind": kind,
        "urls": make_names(kind),
        "rows": rows,
        "text": text,
        "archived": archived,
        "query": request.GET.urlencode(),
        "may_edit": can(request.user, kind.edit),
    }


@require_http_methods(["GET", "POST"])
def asset_create(request: HttpRequest, kind: AssetKind) -> HttpResponse:
    """Create an asset with an empty draft, and go on to its editor."""
    title = request.POST.get("title", "").strip()[:200]
    name = slugify(request.POST.get("name", "").strip() or title)[:80]
    context = {
        "kind": kind, "urls": make_names(kind), "title": title,
        "name": request.POST.get("name", ""),
    }  # fmt: skip
    if request.method != "POST":
        return render(request, "flows/assets/create.html", context)
    if not name:
        context["error"] = "Give it a title, from which its name is made."
        return render(request, "flows/assets/create.html", context, status=UNPROCESSABLE)
    try:
        services.create_asset(
            kind=kind, name=name, title=title, content=None, actor=actor_of(request),
            now=timezone.now(),
        )  # fmt: skip
    except (AssetExists, AssetInvalid) as error:
        context["error"] = f"{error} {error.remedy}"
        return render(request, "flows/assets/create.html", context, status=UNPROCESSABLE)
    return redirect(f"flows:{kind.name}-edit", name)


@require_GET
def asset_detail(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Show what is released, or the draft before the first release, and which flows use it."""
    asset = asset_or_404(kind, name)
    content = asset.released.content if asset.released else asset.draft
    context = {
        **make_context(request, kind, asset, "overview"),
        "users": selectors.list_users(asset),
        "shown": kind.show(kind.hide(content, request.user)),
        "use": kind.show_use(asset),
        "problems": kind.check(asset.draft),
    }
    return render(request, "flows/assets/detail.html", context)


@require_http_methods(["GET", "POST"])
def asset_edit(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Show the draft in the kind's form, save it, or change the form's rows without saving."""
    asset = asset_or_404(kind, name)
    edit = Edit(request, make_editable(kind), asset)
    if not edit.sent:
        return _edit_page(edit, kind, asset, kind.fill_form(asset.draft))
    posted = request.POST
    if posted.get("row"):
        return _edit_page(edit, kind, asset, kind.fill_form(asset.draft, posted), status=200)
    try:
        content = kind.read_form(posted)
        saved = edit.save(
            lambda: services.save_draft(
                asset_id=asset.pk, title=posted.get("title", ""), content=content,
                actor=actor_of(request), now=timezone.now(),
            )
        )  # fmt: skip
    except (FormUnread, AssetInvalid) as error:
        form = kind.fill_form(asset.draft, posted)
        return _edit_page(edit, kind, asset, form, unread=error.problems)
    if saved is None:
        _compare(edit, kind, content)
        return _edit_page(edit, kind, asset, kind.fill_form(asset.draft, posted))
    messages.success(request, f"Saved as revision {saved.draft_revision} of the draft.")
    return redirect(f"flows:{kind.name}-edit", name)


def _compare(edit: Edit[Asset], kind: AssetKind, content: Any) -> None:
    """List where what is saved now and what was typed are not the same."""
    row = edit.conflict.row if edit.conflict else None
    if row is None:
        return
    title = edit.request.POST.get("title", "")
    if row.title != title:
        edit.differences.append(Difference("Title", row.title, title))
    for each in kind.diff(row.draft, content):
        saved = "".join(piece.text for piece in each.pieces if piece.kind != "new")
        typed = "".join(piece.text for piece in each.pieces if piece.kind != "gone")
        edit.differences.append(Difference(each.label, saved, typed))


def _edit_page(
    edit: Edit[Asset], kind: AssetKind, asset: Asset, form: dict[str, Any],
    status: int | None = None, unread: list[AssetProblem] | None = None,
) -> HttpResponse:  # fmt: skip
    context = {
        **make_context(edit.request, kind, asset, "edit"),
        **_preview_context(kind, asset, edit.request.POST if edit.sent else None),
        "here": "Edit",
        "edit": edit,
        "form": form,
        "unread": unread or [],
        "title": edit.request.POST.get("title", asset.title),
    }
    answer = edit.status if status is None else status
    return render(edit.request, "flows/assets/edit.html", context, status=answer)


@require_POST
def asset_preview(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Show what the form would make and what keeps it from being published. Saves nothing."""
    asset = asset_or_404(kind, name)
    context = {"kind": kind, "asset": asset, **_preview_context(kind, asset, request.POST)}
    return render(request, kind.preview_template, context)


def _preview_context(kind: AssetKind, asset: Asset, posted: Any) -> dict[str, Any]:
    try:
        content = asset.draft if posted is None else kind.normal(kind.read_form(posted))
    except FormUnread as error:
        return {"problems": error.problems}
    if malformed := kind.check_form(content):
        return {"problems": malformed}
    return {"problems": kind.check(content), "shown": kind.show(content)}


@require_GET
def asset_export(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Return the draft, or ``?version=``, as a file: YAML for a repository, or ``?format=``."""
    asset = asset_or_404(kind, name)
    number = positive_number(request.GET.get("version", ""))
    content = version_or_404(asset, number).content if number else asset.draft
    try:
        written = write_as(
            kind, request.GET.get("format", ""), asset.name, asset.title,
            kind.hide(content, request.user),
        )  # fmt: skip
    except AssetInvalid as error:
        raise Http404(str(error)) from None
    response = HttpResponse(written.text, content_type=f"{written.media_type}; charset=utf-8")
    called = f"{asset.name}@{number}" if number else asset.name
    response["Content-Disposition"] = f'attachment; filename="{called}.{written.ending}"'
    return response


@require_POST
def asset_import(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Make an uploaded file the draft. Its name says which form it has."""
    asset = asset_or_404(kind, name)
    edit = Edit(request, make_editable(kind), asset)
    try:
        content = _read_upload(kind, asset, request.FILES.get("file"))
        saved = edit.save(
            lambda: services.save_draft(
                asset_id=asset.pk, title=None, content=content, actor=actor_of(request),
                now=timezone.now(),
            )
        )  # fmt: skip
    except AssetInvalid as error:
        messages.error(request, f"The file was not read. {error} {error.remedy}")
        return redirect(f"flows:{kind.name}-edit", asset.name)
    if saved is None:
        warn_of_conflict(edit, "The file is not read.")
    else:
        messages.success(request, f"The file is revision {saved.draft_revision} of the draft.")
    return redirect(f"flows:{kind.name}-edit", asset.name)


def _read_upload(kind: AssetKind, asset: Asset, upload: Any) -> Content:
    """Return the content of an uploaded file. Raises: AssetInvalid."""
    if upload is None or upload.size > LARGEST_FILE:
        what = f"Choose a file of at most {LARGEST_FILE // 1_000_000} MB."
        raise AssetInvalid([AssetProblem("file", "There is none, or it is too large.", what)])
    try:
        text = upload.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        problem = AssetProblem("file", "It is not text in UTF-8.", "Save it as UTF-8.")
        raise AssetInvalid([problem]) from None
    return read_as(kind, upload.name, text, asset.draft)


@require_POST
def asset_archive(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Archive an asset that no released flow uses, or bring it back."""
    asset, archived = asset_or_404(kind, name), request.POST.get("archived") == "1"
    try:
        services.archive_asset(
            asset_id=asset.pk, archived=archived, actor=actor_of(request), now=timezone.now()
        )
    except AssetInUse as error:
        messages.error(request, f"{error} {error.remedy}")
    else:
        messages.success(request, f"{asset.title} is {'archived' if archived else 'back'}.")
    return redirect(f"flows:{kind.name}-detail", asset.name)

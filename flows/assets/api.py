"""Assets over HTTP: the same routes for each kind, under its plural."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from flows.api.finding import Number
from flows.assets import selectors, services
from flows.assets.binding import bind
from flows.assets.editables import make_editable
from flows.assets.errors import (
    AssetDraftChanged,
    AssetExists,
    AssetInUse,
    AssetInvalid,
    AssetTestsFailed,
    AssetUnchanged,
    AssetUnknown,
    OtherPersonNeeded,
)
from flows.assets.kinds import AssetKind, AssetProblem, TestBudget, TestResult, sum_up
from flows.assets.models import Asset, AssetVersion
from flows.assets.policies.kind import POLICY
from flows.assets.prompts.kind import PROMPT
from workbench.accounts.gate import principal_of, requires
from workbench.http.gateway import may_answer
from workbench.http.idempotency import runs_outside_transaction
from workbench.http.preconditions import edits, get_revision_seen, rests_on, shows
from workbench.http.problems import ApiProblem, map_error, map_error_by
from workbench.http.rates import limits_model_tries
from workbench.http.schemas import Page, Strict, page_by_id
from workbench.http.sign_in import actor_of, person_of

MOST_CALLS = 20
SECONDS = 60.0

map_error(AssetUnknown, status=404, code="not-found", remedy="Look at the list.")
map_error(AssetExists, status=409, code="asset-exists", remedy="Choose another name.")
map_error(AssetInUse, status=409, code="asset-in-use", remedy="Publish the flows without it.")
map_error(OtherPersonNeeded, status=409, code="second-person-needed", remedy="Ask somebody else.")
map_error(AssetUnchanged, status=409, code="nothing-changed", remedy="Change the draft.")
map_error(AssetDraftChanged, status=412, code="revision-stale", remedy="GET it and look again.")


def _problem_of(error: AssetInvalid | AssetTestsFailed, code: str) -> ApiProblem:
    errors = [
        {"at": each.field, "message": f"{each.message} {each.remedy}".strip()}
        for each in error.problems
    ]
    return ApiProblem(422, code, error.message, error.remedy, errors)


map_error_by(AssetInvalid, lambda error: _problem_of(error, "asset-invalid"))
map_error_by(AssetTestsFailed, lambda error: _problem_of(error, "asset-tests-failed"))


class AssetOut(Schema):
    name: str
    title: str
    description: str
    released_version: int | None = Field(None, description="Null before the first release.")
    draft_revision: int = Field(description="In double quotes it is the ETag of the draft.")
    second_person: bool = Field(description="Another person than its publisher releases a version.")
    archived_at: datetime | None
    created_at: datetime
    changed_at: datetime


class AssetProblemOut(Schema):
    field: str
    message: str
    remedy: str


class AssetDetailOut(AssetOut):
    draft: dict[str, Any]
    problems: list[AssetProblemOut] = Field(description="What keeps the draft from publication.")
    used_by: list[dict[str, Any]] = Field(
        description="Released flows that are pinned to it: flow, flow_version, number."
    )


class AssetIn(Strict):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")
    title: str = Field("", max_length=200)
    content: dict[str, Any] | None = Field(None, description="The draft to begin with.")


class AssetDraftIn(Strict):
    content: dict[str, Any]
    title: str | None = Field(None, min_length=1, max_length=200)


class AssetVersionOut(Schema):
    number: int
    note: str
    digest: str = Field(description="SHA-256 of the content's RFC 8785 form.")
    tests: dict[str, int] = Field(description="How many tests passed, failed, were skipped.")
    published_by: str | None
    published_at: datetime


class AssetVersionDetailOut(AssetVersionOut):
    content: dict[str, Any]


class AssetPublishIn(Strict):
    note: str = Field(min_length=1, max_length=2000)
    release: bool = True


class AssetReleaseIn(Strict):
    version: int = Field(ge=1, le=2**31 - 1)


class AssetArchiveIn(Strict):
    archived: bool = True


class AssetTestIn(Strict):
    model: str = Field("", max_length=120, description="Empty: on recorded answers, free.")
    judge: str = Field("", max_length=120, description="Empty: the same model judges.")
    calls: int = Field(0, ge=0, le=MOST_CALLS, description="How often a model may be asked.")
    cost: float = Field(0, ge=0, description="No call begins past this cost; 0 is no limit.")


class AssetCheckOut(Schema):
    kind: str
    passed: bool | None = Field(description="Null: only a model could say.")
    expected: str
    message: str


class AssetTestResultOut(Schema):
    name: str
    state: str = Field(description="passed, failed or skipped.")
    source: str
    reason: str
    answer: Any
    stale: bool = Field(description="The recorded answer was given to an earlier text.")
    checks: list[AssetCheckOut]


class AssetTestsOut(Schema):
    passed: int
    failed: int
    skipped: int
    calls: int
    cost: float
    results: list[AssetTestResultOut]


def list_assets(
    request: HttpRequest,
    kind: AssetKind,
    text: str = "",
    archived: bool = False,
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """List them, newest first."""
    found = selectors.list_assets(kind.name, text=text, archived=archived)
    return page_by_id(found, cursor=cursor, limit=limit, to_item=lambda each: _out(kind, each))


def create_asset(request: HttpRequest, kind: AssetKind, body: AssetIn) -> Status[Any]:
    """Create one with a draft."""
    made = services.create_asset(
        kind=kind, name=body.name, title=body.title, content=body.content,
        actor=actor_of(request), now=timezone.now(),
    )  # fmt: skip
    return Status(201, _detail(request, kind, made))


def get_asset(request: HttpRequest, kind: AssetKind, name: str) -> dict[str, Any]:
    """Return it with its draft, the draft's problems, and the flows that use it."""
    return _detail(request, kind, _find(kind, name))


def get_draft(request: HttpRequest, kind: AssetKind, name: str) -> dict[str, Any]:
    """Return the same as its own address: the draft with its problems."""
    return _detail(request, kind, _find(kind, name))


def save_draft(
    request: HttpRequest, kind: AssetKind, name: str, body: AssetDraftIn
) -> dict[str, Any]:
    """Replace the draft. It may have problems, which keep it from publication alone."""
    saved = services.save_draft(
        asset_id=_find(kind, name).pk, title=body.title, content=body.content,
        actor=actor_of(request), now=timezone.now(),
    )  # fmt: skip
    return _detail(request, kind, saved)


def list_versions(
    request: HttpRequest,
    kind: AssetKind,
    name: str,
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """List the versions, newest first."""
    found = AssetVersion.objects.filter(asset=_find(kind, name))
    found = found.select_related("published_by").defer("content")
    return page_by_id(found, cursor=cursor, limit=limit, to_item=_version_out)


def get_version(request: HttpRequest, kind: AssetKind, name: str, number: Number) -> dict[str, Any]:
    """Return a version with its content."""
    version = selectors.get_version(_find(kind, name), number)
    return {**_version_out(version), "content": kind.hide(version.content, principal_of(request))}


def publish_asset(
    request: HttpRequest, kind: AssetKind, name: str, body: AssetPublishIn
) -> Status[Any]:
    """Publish the draft that `If-Match` names, and release it unless told otherwise."""
    version = services.publish_asset(
        asset_id=_find(kind, name).pk, revision=int(get_revision_seen(request)),
        note=body.note, author=person_of(request), actor=actor_of(request),
        now=timezone.now(), release=body.release, principal=principal_of(request),
    )  # fmt: skip
    return Status(201, _version_out(version))


def release_asset(
    request: HttpRequest, kind: AssetKind, name: str, body: AssetReleaseIn
) -> dict[str, Any]:
    """Let flows published from now on use a version; an older one is a rollback."""
    version = selectors.get_version(_find(kind, name), body.version)
    services.release_version(version_id=version.pk, actor=actor_of(request), now=timezone.now())
    return _out(kind, _find(kind, name))


def archive_asset(
    request: HttpRequest, kind: AssetKind, name: str, body: AssetArchiveIn
) -> dict[str, Any]:
    """Archive it, or bring it back. One that a released flow uses cannot be archived."""
    services.archive_asset(
        asset_id=_find(kind, name).pk, archived=body.archived, actor=actor_of(request),
        now=timezone.now(),
    )  # fmt: skip
    return _out(kind, _find(kind, name))


def test_asset(
    request: HttpRequest, kind: AssetKind, name: str, body: AssetTestIn
) -> dict[str, Any]:
    """Run the draft's tests on recorded answers, or against a model under a budget."""
    asset = _find(kind, name)
    if problems := kind.check(asset.draft):
        raise AssetInvalid(problems)
    if body.model and not body.calls:
        problem = AssetProblem("calls", "No call is allowed.", "Say how many may be made.")
        raise AssetInvalid([problem])
    budget = TestBudget(body.model, body.judge, body.calls, body.cost, seconds=SECONDS)
    run = _ask_model if body.model else _use_recorded
    return _tests_out(run(request, kind, asset, budget), budget)


def _use_recorded(
    request: HttpRequest, kind: AssetKind, asset: Asset, budget: TestBudget
) -> Sequence[TestResult]:
    return kind.run_tests(asset.name, asset.draft, budget)


_ask_model = limits_model_tries(_use_recorded)


def _wait_for_models(route: Any) -> Any:
    return may_answer(429)(runs_outside_transaction(route))


def make_router(kind: AssetKind) -> Router:
    """Return the routes of a kind. They are named by it: ``list_prompts``, ``get_prompt``."""
    router, editable = Router(tags=[kind.plural]), make_editable(kind)

    def identify(request: HttpRequest, given: Mapping[str, Any]) -> list[str]:
        return [kind.name, _find(kind, given["name"]).name]

    see = partial(_guard, kind, kind.view, "anywhere")
    change = partial(_guard, kind, kind.edit, "installation")
    all_, one = f"/{kind.plural}", f"/{kind.plural}/{{name}}"
    version, name = f"{one}/versions/{{number}}", kind.name
    routes: list[tuple[str, str, Any, Any, str]] = [
        ("GET", all_, see(list_assets), Page[AssetOut], f"list_{kind.plural}"),
        ("POST", all_, change(create_asset), {201: AssetDetailOut}, f"create_{name}"),
        ("GET", one, see(get_asset, shows(editable)), AssetDetailOut, f"get_{name}"),
        ("GET", f"{one}/draft", see(get_draft, shows(editable)), AssetDetailOut,
         f"get_{name}_draft"),
        ("PUT", f"{one}/draft", change(save_draft, edits(editable, identify)),
         AssetDetailOut, f"save_{name}_draft"),
        ("GET", f"{one}/versions", see(list_versions), Page[AssetVersionOut],
         f"list_{name}_versions"),
        ("GET", version, see(get_version), AssetVersionDetailOut, f"get_{name}_version"),
        ("POST", f"{one}/versions", change(publish_asset, rests_on(editable, identify)),
         {201: AssetVersionOut}, f"publish_{name}"),
        ("POST", f"{one}/releases", change(release_asset), AssetOut, f"release_{name}"),
        ("POST", f"{one}/archive", change(archive_asset), AssetOut, f"archive_{name}"),
        ("POST", f"{one}/tests", change(test_asset, _wait_for_models), AssetTestsOut,
         f"test_{name}"),
    ]  # fmt: skip
    for method, path, route, response, called in routes:
        router.api_operation([method], path, response=response, operation_id=called)(route)
    return router


def _guard(
    kind: AssetKind,
    permission: str,
    scope: str,
    route: Any,
    guard: Callable[[Any], Any] | None = None,
) -> Any:
    """Return the route bound to the kind, behind the permission and the guard of its revision."""
    bound = bind(kind, route)
    return requires(permission, scope=scope)(guard(bound) if guard else bound)


def _find(kind: AssetKind, name: str) -> Asset:
    try:
        return selectors.get_asset(kind.name, name)
    except AssetUnknown as error:
        raise Http404(str(error)) from None


def _out(kind: AssetKind, asset: Asset) -> dict[str, Any]:
    return {
        "name": asset.name,
        "title": asset.title,
        "description": kind.describe(asset.draft),
        "released_version": asset.released.number if asset.released else None,
        "draft_revision": asset.draft_revision,
        "second_person": asset.second_person,
        "archived_at": asset.archived_at,
        "created_at": asset.created_at,
        "changed_at": asset.changed_at,
    }


def _detail(request: HttpRequest, kind: AssetKind, asset: Asset) -> dict[str, Any]:
    users = selectors.list_users(asset)
    return {
        **_out(kind, asset),
        "draft": kind.hide(asset.draft, principal_of(request)),
        "problems": [
            {"field": each.field, "message": each.message, "remedy": each.remedy}
            for each in kind.check(asset.draft)
        ],
        "used_by": [
            {"flow": each.flow, "flow_version": each.flow_version, "number": each.number}
            for each in users
        ],
    }


def _version_out(version: AssetVersion) -> dict[str, Any]:
    names = ("number", "note", "digest", "tests", "published_at")
    author = version.published_by
    return {
        **{name: getattr(version, name) for name in names},
        "published_by": author.username if author else None,
    }


def _tests_out(results: Any, budget: TestBudget) -> dict[str, Any]:
    return {
        **sum_up(results),
        "calls": budget.calls_made,
        "cost": budget.cost_made,
        "results": [
            {
                "name": each.name,
                "state": each.state,
                "source": each.source,
                "reason": each.reason,
                "answer": each.answer,
                "stale": each.is_stale,
                "checks": list(each.checks),
            }
            for each in results
        ],
    }


router = make_router(PROMPT)
router.add_router("", make_router(POLICY))

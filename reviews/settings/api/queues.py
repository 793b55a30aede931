"""A queue's settings over HTTP."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Router, Schema
from pydantic import Field

from reviews.finding import find_queue
from reviews.models import Queue
from reviews.rules.matrix import MOST_ROWS
from reviews.selectors.editables import QUEUE, QUEUE_FIELDS
from reviews.settings.api.problems import report_problems
from reviews.settings.services.queues import change_queue, create_queue
from workbench.accounts.gate import requires
from workbench.http.preconditions import edits, shows
from workbench.http.schemas import Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["queues and SLA"])

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]


class QueueIn(Strict):
    """The settings to change; what is left out stays as it is."""

    title: str | None = Field(None, min_length=1, max_length=120)
    description: str | None = Field(None, max_length=300)
    ordering: dict[str, float] | None = Field(
        None, description="`sla` 0 to 1, `priority` and `value` in seconds."
    )
    skills: list[str] | None = Field(None, max_length=30)
    access: dict[str, dict[str, list[str]]] | None = Field(
        None, description='`{"see": {"skills"}, "claim": {"roles", "skills"}, "decide": …}`.'
    )
    lease_seconds: int | None = Field(None, ge=60, le=86_400)
    commit_window_seconds: int | None = Field(None, ge=0, le=120)
    work_limit: int | None = Field(None, ge=0, le=1000)
    familiar_minutes: int | None = Field(None, ge=0, le=100_000)
    authority: list[dict[str, Any]] | None = Field(
        None,
        max_length=MOST_ROWS,
        description="Rows `{up_to, product, exceptions, level, approvers}`; the first that covers "
        "a case says what its approval needs.",
    )


class QueueSettingsOut(Schema):
    name: str
    title: str
    description: str
    ordering: dict[str, float]
    skills: list[str]
    access: dict[str, Any]
    lease_seconds: int
    commit_window_seconds: int
    work_limit: int
    familiar_minutes: int
    authority: list[dict[str, Any]]
    revision: str


@router.get("/queues/{name}/settings", response=QueueSettingsOut, operation_id="get_queue_settings")
@requires("queues.view", scope="queue:name")
@shows(QUEUE)
def queue_settings(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return a queue's settings."""
    return _settings_out(find_queue(request, name))


@router.put("/queues/{name}/settings", response=QueueSettingsOut, operation_id="save_queue")
@requires("queues.manage", scope="queue:name")
@edits(QUEUE, lambda request, given: [given["name"]], creates=True)
def save_queue(request: HttpRequest, name: Name, body: QueueIn) -> dict[str, Any]:
    """Create a queue, or change the settings that are given."""
    values = body.model_dump(exclude_none=True)
    queue = Queue.objects.filter(name=name).first()
    with report_problems():
        if queue is None:
            title = values.get("title", name)
            queue = create_queue(
                name=name, title=title, actor=actor_of(request), now=timezone.now()
            )
        saved = change_queue(
            queue=queue, values=values, actor=actor_of(request), now=timezone.now()
        )
    return _settings_out(saved)


def _settings_out(queue: Queue) -> dict[str, Any]:
    settings = {name: getattr(queue, name) for name in QUEUE_FIELDS}
    return {"name": queue.name, **settings, "revision": QUEUE.revision_of(queue)}

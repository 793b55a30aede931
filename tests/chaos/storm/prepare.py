"""Publish the storm's flows and appoint its reviewer. Run once, with nothing else running."""

import os

import django


def main() -> None:
    django.setup()
    import tests.chaos.storm.newer  # noqa: F401
    from tests.chaos.storm.mix import kinds

    _appoint()
    for kind in kinds(os.environ["STORM_SINK"]):
        _publish(kind.name, dict(kind.document))


def _publish(name: str, document: dict[str, object]) -> None:
    from django.utils import timezone

    from flows.graph.codec import parse
    from flows.services import create_flow, publish_version
    from tests.chaos.storm.clerk import ACTOR

    now = timezone.now()
    parsed = parse({"schema": "countersign/flow@1", "name": name, "title": name, **document})
    flow = create_flow(name=name, title=name, document=parsed, author=None, actor=ACTOR, now=now)
    publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="for the storm",
        author=None,
        actor=ACTOR,
        now=now,
    )


def _appoint() -> None:
    from django.utils import timezone

    from reviews.models import Queue, SlaPolicy, WorkCalendar
    from tests.chaos.storm.mix import POLICY, QUEUE, REVIEWER
    from workbench.accounts.models import Role, RoleGrant, User

    now = timezone.now()
    user = User.objects.create_user(REVIEWER, "reviewer@example.org", "secret")
    RoleGrant.objects.create(user=user, role=Role.REVIEWER, granted_at=now)
    Queue.objects.create(name=QUEUE, title="Storm", created_at=now, commit_window_seconds=1)
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    calendar = WorkCalendar.objects.create(
        name="always", time_zone="UTC", hours={day: [["00:00", "24:00"]] for day in days}
    )
    SlaPolicy.objects.create(
        name=POLICY, title="Storm", calendar=calendar, due_minutes=10_000, steps=[],
        breach="raise_priority",
    )  # fmt: skip


if __name__ == "__main__":
    main()

"""Who may not publish cannot choose a version that asks nobody."""

import pytest
from django.utils import timezone

from flows.models import Flow, FlowVersion, Run
from flows.services import VersionNotReleased, migrate_run, release_version, rerun, start_run
from tests.factories.people import ACTOR, make_person
from tests.factories.probes import publish_flow
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def flow() -> Flow:
    """A flow whose second version is released."""
    flow = publish_flow("a -> b", name="loan")
    first = flow.versions.get()
    second = FlowVersion.objects.create(
        flow=flow, number=2, document=first.document, digest="2", published_at=timezone.now()
    )
    return release_version(version_id=second.pk, actor=ACTOR, now=timezone.now())


@pytest.fixture
def operator() -> Actor:
    return Actor.user(make_person("op", Role.OPERATOR))


def test_an_operator_cannot_start_an_older_version(flow: Flow, operator: Actor) -> None:
    first, now = flow.versions.get(number=1), timezone.now()
    with pytest.raises(VersionNotReleased, match=r"flows\.publish"):
        start_run(flow=flow, input={}, actor=operator, now=now, version_id=first.pk)
    assert not Run.objects.exists()
    designer = Actor.user(make_person("dan", Role.DESIGNER, flow="loan"))
    assert start_run(flow=flow, input={}, actor=designer, now=now, version_id=first.pk).is_new


def test_an_operator_cannot_move_a_run_to_an_older_version(flow: Flow, operator: Actor) -> None:
    first, now = flow.versions.get(number=1), timezone.now()
    run = start_run(flow=flow, input={}, actor=operator, now=now).run
    with pytest.raises(VersionNotReleased):
        migrate_run(run_id=run.pk, version_id=first.pk, actor=operator, now=now)
    run.refresh_from_db()
    assert run.version_id == flow.released_id


def test_an_operator_runs_again_by_the_runs_own_version_or_the_released_one(
    flow: Flow, operator: Actor
) -> None:
    first, now = flow.versions.get(number=1), timezone.now()
    old = start_run(flow=flow, input={}, actor=ACTOR, now=now, version_id=first.pk).run
    new = start_run(flow=flow, input={}, actor=ACTOR, now=now).run
    for run, version_id in ((old, None), (old, first.pk), (old, flow.released_id)):
        assert rerun(
            run_id=run.pk, step=None, actor=operator, now=now, version_id=version_id
        ).is_new
    with pytest.raises(VersionNotReleased):
        rerun(run_id=new.pk, step=None, actor=operator, now=now, version_id=first.pk)

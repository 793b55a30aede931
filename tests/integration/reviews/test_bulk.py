"""Like, low-risk cases are decided together, after a look at a sample."""

from typing import Any

import pytest
from django.utils import timezone

from reviews.errors import DecisionInvalid, NotAuthorised
from reviews.models import Case, Decision, Queue
from reviews.services.bulk import choose_sample, decide_in_bulk, list_like_cases, undo_in_bulk
from reviews.services.claims import claim_case
from tests.factories.cases import make_case
from tests.factories.people import make_person, person
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queue() -> Queue:
    return make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)


def clear(**config: Any) -> Case:
    usual = {"confidence": 0.97, "suggestion": "approved", "value": 1000}
    return make_case(timezone.now(), **{**usual, **config})


def decide(queue: Queue, cases: list[Case], **options: Any) -> Any:
    usual: dict[str, Any] = {
        "revisions": {case.pk: case.revision for case in cases},
        "outcome": "approved",
        "looked_at": [case.pk for case in choose_sample(cases)],
        "comment": "",
        "acting": person("ada"),
    }
    return decide_in_bulk(queue=queue, now=timezone.now(), **{**usual, **options})


def test_only_sure_and_unflagged_cases_of_one_kind_are_offered_together(queue: Queue) -> None:
    like = [clear() for _ in range(3)]
    clear(confidence=0.5)
    clear(flags=[{"label": "Income differs", "level": "warning"}])
    clear(required_evidence=["payslip"], documents=[{"id": "payslip", "title": "Payslip"}])
    clear(quorum=2)
    clear(product="mortgage")
    [group] = list_like_cases(queue=queue, acting=person("ada"), now=timezone.now())
    assert [case.pk for case in group.cases] == [case.pk for case in like]
    assert group.outcome == "approved"


def test_a_bulk_decision_decides_each_case_and_can_be_undone(queue: Queue) -> None:
    cases = [clear() for _ in range(5)]
    assert decide(queue, cases).decided == [case.pk for case in cases]
    assert set(Case.objects.values_list("state", flat=True)) == {"committing"}
    undone = undo_in_bulk(
        case_ids=[case.pk for case in cases], acting=person("ada"), now=timezone.now()
    )
    assert len(undone.decided) == 5
    assert not Decision.objects.exclude(state="withdrawn").exists()


def test_the_sample_holds_the_largest_and_the_least_certain() -> None:
    cases = [clear() for _ in range(6)]
    largest, unsure = clear(value=9000), clear(confidence=0.91)
    sample = choose_sample([*cases, largest, unsure])
    assert len(sample) == 3
    assert {largest.pk, unsure.pk} <= {case.pk for case in sample}


def test_without_a_look_at_the_sample_nothing_is_decided(queue: Queue) -> None:
    cases = [clear() for _ in range(4)]
    with pytest.raises(DecisionInvalid, match="Look at the sample"):
        decide(queue, cases, looked_at=[cases[0].pk])
    assert not Decision.objects.exists()


def test_cases_that_are_not_alike_are_refused_together(queue: Queue) -> None:
    with pytest.raises(DecisionInvalid, match="not alike"):
        decide(queue, [clear(), clear(product="mortgage")])


def test_together_they_are_decided_only_as_the_model_suggests(queue: Queue) -> None:
    with pytest.raises(DecisionInvalid, match="as the model suggests"):
        decide(queue, [clear(), clear()], outcome="rejected")


def test_a_risky_case_is_left_out_of_a_bulk_decision_with_the_reason(queue: Queue) -> None:
    flagged = clear(flags=[{"label": "Income differs", "level": "critical"}])
    fine = clear()
    found = decide(queue, [flagged, fine])
    assert found.decided == [fine.pk]
    assert found.left == {flagged.pk: "A policy flags it."}


def test_a_case_that_another_claimed_meanwhile_is_left_out_of_a_bulk_decision(queue: Queue) -> None:
    cases = [clear(), clear()]
    claim_case(case_id=cases[0].pk, acting=person("ben"), now=timezone.now())
    found = decide(queue, cases)
    assert found.decided == [cases[1].pk]
    assert "holds this case" in found.left[cases[0].pk]


def test_what_needs_more_authority_is_not_decided_together(queue: Queue) -> None:
    Queue.objects.update(authority=[{"up_to": 500, "level": 1}, {"level": 2}])
    clear(), clear()
    assert (
        list_like_cases(queue=Queue.objects.get(), acting=person("ada"), now=timezone.now()) == []
    )


def test_who_may_not_decide_may_not_decide_together_either(queue: Queue) -> None:
    make_person("eve", Role.AUDITOR)
    with pytest.raises(NotAuthorised):
        decide(queue, [clear(), clear()], acting=person("eve"))


def test_a_case_whose_values_do_not_fit_together_is_left_with_the_reason(queue: Queue) -> None:
    schema = {"properties": {"income": {"maximum": 100}}}
    fields = [{"key": "income", "label": "Income", "value": 3200, "editable": True}]
    shown = [{"title": "Applicant", "fields": fields}]
    cases = [clear(show=shown), clear(show=[{**shown[0], "schema": schema}])]
    found = decide(queue, cases)
    assert found.decided == [cases[0].pk]
    assert "maximum of 100" in found.left[cases[1].pk]

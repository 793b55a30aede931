"""What other apps keep of an act is compared with what the ledger says of it."""

from datetime import datetime
from typing import Any

import pytest

from flows.models import Flow, FlowVersion
from flows.services.drafts import create_flow
from flows.services.versions import publish_version
from reviews.models import Case, Decision
from reviews.services.receipts import compute_digest
from tests.factories.cases import approve, make_decided_case, reject
from tests.factories.people import make_person
from tests.factories.queues import make_office
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.audit.models import Entry
from workbench.audit.records import CheckTaken, Fault, register_check
from workbench.audit.services import erase_payload, verify

ACTOR = Actor.system("test")


def find_faults(code: str) -> list[Fault]:
    return [fault for fault in verify().faults if fault.code == code]


def entry_of(action: str) -> int:
    return Entry.objects.filter(action=action).latest("pk").pk


# --- Decisions ----------------------------------------------------------------


@pytest.fixture
def decision(db: None, now: datetime) -> Decision:
    make_office(rita=Role.REVIEWER)
    make_decided_case("rita", approve(comment="Fine."), now)
    return Decision.objects.get()


def test_decisions_as_they_were_committed_are_good(decision: Decision) -> None:
    assert not [fault for fault in verify().faults if "decision" in fault.detail]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "rejected"), ("comment", "Bad."), ("reasons", ["income"]), ("form", {"a": 1}),
        ("overrides", [{"field": "income", "old": 1, "new": 2, "reason": ""}]), ("channel", "api"),
        ("final", False), ("digest", "0" * 64), ("kind", "forced"), ("at", "2020-01-01T00:00Z"),
        ("state", "withdrawn"),
    ],
)  # fmt: skip
def test_a_changed_decision_is_found(decision: Decision, column: str, value: Any) -> None:
    Decision.objects.filter(pk=decision.pk).update(**{column: value})
    code = "record-missing" if column == "state" else "record-changed"
    assert [fault.entry for fault in find_faults(code)] == [entry_of("case.decided")]


def test_a_decision_given_to_another_person_is_found(decision: Decision) -> None:
    Decision.objects.filter(pk=decision.pk).update(decided_by=make_person("otto"))
    [fault] = find_faults("record-changed")
    assert "another person" in fault.detail


def test_a_receipt_rewritten_with_its_digest_is_found(decision: Decision) -> None:
    receipt = decision.receipt
    receipt["evidence"]["active_seconds"] = 900
    digest = compute_digest(receipt)
    Decision.objects.filter(pk=decision.pk).update(receipt=receipt, digest=digest)
    [fault] = find_faults("record-changed")
    assert fault.entry == entry_of("case.decided")
    assert "receipt" in fault.detail


@pytest.mark.parametrize("receipt", [{}, [], None, {"decision": 2**60}, "gone"])
def test_a_receipt_that_is_none_is_found(decision: Decision, receipt: Any) -> None:
    Decision.objects.filter(pk=decision.pk).update(receipt=receipt if receipt is not None else {})
    assert len(find_faults("record-changed")) == 1


def test_the_outcome_of_a_case_that_was_changed_is_found(decision: Decision) -> None:
    Case.objects.filter(pk=decision.case_id).update(outcome="rejected")
    assert "another outcome" in find_faults("record-changed")[0].detail


def test_a_decision_that_is_gone_is_found(decision: Decision) -> None:
    Decision.objects.filter(pk=decision.pk).delete()
    assert [fault.entry for fault in find_faults("record-missing")] == [entry_of("case.decided")]


def test_a_decision_that_nobody_made_is_found(decision: Decision, now: datetime) -> None:
    make_decided_case("rita", reject(), now)
    forged = Decision.objects.latest("pk")
    forged.pk, forged.case = None, Case.objects.create(**_copy(forged.case))
    forged.save(force_insert=True)
    told = [fault.detail for fault in find_faults("record-unknown") if "decision" in fault.detail]
    assert told == [f"No entry tells of decision {forged.pk} of case {forged.case_id}."]


def _copy(case: Case) -> dict[str, Any]:
    names = (field.attname for field in Case._meta.concrete_fields if not field.primary_key)
    return {**{name: getattr(case, name) for name in names}, "wait_id": None}


def test_an_erased_entry_of_a_decision_is_no_fault(decision: Decision, now: datetime) -> None:
    entry = Entry.objects.get(action="case.decided")
    erase_payload(entry=entry, reason="asked for it", actor=ACTOR, now=now)
    assert not [fault for fault in verify().faults if "decision" in fault.detail]


# --- Flows --------------------------------------------------------------------


@pytest.fixture
def version(db: None, now: datetime) -> FlowVersion:
    from flows.graph.codec import parse

    document = parse(
        {
            "schema": "countersign/flow@1",
            "name": "small",
            "title": "Small",
            "steps": {"done": {"type": "end", "with": {"outcome": "done"}}},
            "edges": [],
        }
    )
    flow = create_flow(
        name="small", title="Small", document=document, author=None, actor=ACTOR, now=now
    )
    return publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="First",
        author=None,
        actor=ACTOR,
        now=now,
    )


def test_a_flow_as_it_was_published_is_good(version: FlowVersion) -> None:
    assert verify().ok


def test_a_document_that_was_changed_is_found(version: FlowVersion) -> None:
    version.document["steps"]["done"]["with"]["outcome"] = "other"
    version.save()
    assert [fault.entry for fault in find_faults("record-changed")] == [entry_of("flow.published")]


def test_a_document_changed_with_its_digest_is_found(version: FlowVersion) -> None:
    from flows.services.ledger_check import compute_document_digest

    version.document["title"] = "Other"
    version.digest = compute_document_digest(version.document)
    version.save()
    assert [fault.entry for fault in find_faults("record-changed")] == [entry_of("flow.published")]


def test_a_document_without_a_canonical_form_is_found(version: FlowVersion) -> None:
    version.document["title"] = 2**60
    version.save()
    assert len(find_faults("record-changed")) == 1


def test_a_version_that_nobody_published_is_found(version: FlowVersion, now: datetime) -> None:
    version.pk, version.number = None, 2
    version.save(force_insert=True)
    Flow.objects.update(released=version)
    assert "version 2" in find_faults("record-unknown")[0].detail
    # Nor was it released.
    assert [fault.entry for fault in find_faults("record-changed")] == [entry_of("flow.released")]


def test_a_version_that_is_gone_is_found(version: FlowVersion) -> None:
    Flow.objects.update(released=None)
    version.delete()
    assert [fault.entry for fault in find_faults("record-missing")] == [entry_of("flow.published")]


def test_two_checks_cannot_have_one_name() -> None:
    with pytest.raises(CheckTaken):
        register_check("decisions", lambda: iter(()))

"""Many decisions on what a model suggested, made from one."""

from collections.abc import Sequence

from reviews.models import Decision
from reviews.models.quality import DecisionFact
from tests.factories.cases import approve, make_decided_case


def make_facts(
    decided: Sequence[tuple[float, bool]], *, model: str = "risk", by: str = "ada"
) -> None:
    """Make a decision in the flow ``loan`` for each confidence, with whether the person agreed."""
    case = make_decided_case(by, approve())
    decision = Decision.objects.get(case=case)
    fact = DecisionFact.objects.get(decision=decision)
    fact.delete()
    for confidence, agreed in decided:
        # One person decides a case once.
        case.pk, case.wait_id = None, None
        case.save(force_insert=True)
        decision.pk, decision.case = None, case
        decision.save(force_insert=True)
        fact.decision, fact.model = decision, model
        fact.confidence, fact.agreed = confidence, agreed
        fact.save(force_insert=True)

"""Run a step by its routing: ask along the route, ask the shadows beside it, and tell of both."""

from collections.abc import Callable, Mapping, Sequence

from flows.steps import shadows
from flows.steps.base import Json, Result, StepContext, StepFailure, as_failure
from flows.steps.charges import count_late, list_charges
from flows.steps.routing import (
    Answer,
    Figures,
    Routed,
    RouteFailed,
    Routing,
    Tried,
    follow_route,
    list_shadows,
    plan_route,
)

Ask = Callable[[str], Result]


class RoutedCall:
    """The calls of one activation. ``ask`` asks one model; ``answer_at`` is its answer's field.

    ``shares_call`` says of a model whether one call answers for other activations too.
    """

    def __init__(
        self,
        ctx: StepContext,
        model: str,
        routing: Routing,
        ask: Ask,
        answer_at: str,
        *,
        shares_call: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.ctx, self.model, self.routing = ctx, model, routing
        self._ask, self._answer_at, self._shares_call = ask, answer_at, shares_call
        self._charges: list[Mapping[str, Json]] = []

    def run(self, find_figures: Callable[[str], Figures], *, with_shadows: bool) -> Result:
        """Return the chosen answer, with the route, the charges and the shadows as provenance.

        Raises: StepFailure, with the same provenance.
        """
        ctx = self.ctx
        route = plan_route(
            self.model, self.routing, run_id=ctx.run_id, step=ctx.step_id, find_figures=find_figures
        )
        beside = list_shadows(self.routing, route) if with_shadows else []
        asked = [self._make_shadow(model) for model in beside]
        for shadow in asked:
            shadow.start()
        try:
            routed = follow_route(route, self._ask_one, unsure_below=self.routing.unsure_below)
        except StepFailure as failure:
            tried = failure.tried if isinstance(failure, RouteFailed) else ()
            failure.provenance = self._tell(failure.provenance or {}, tried, asked)
            raise
        return self._finish(routed, asked)

    def _finish(self, routed: Routed[Result], asked: Sequence[shadows.Shadow]) -> Result:
        chosen = routed.value
        made = self._tell(chosen.provenance or {}, routed.tried, asked)
        return Result(chosen.output, chosen.port, provenance=made)

    def _ask_one(self, model: str) -> Answer[Result]:
        if self.ctx.is_cancelled():
            raise StepFailure("The run was cancelled.", kind="cancelled", retryable=False)
        try:
            result = self._ask(model)
        except Exception as error:
            failure = as_failure(error)
            self._charges += list_charges(failure.provenance)
            raise failure from failure.__cause__
        self._charges += list_charges(result.provenance)
        return Answer(result, _read_confidence(result))

    def _ask_in_shadow(self, model: str) -> shadows.Said:
        try:
            result = self._ask(model)
        except StepFailure as failure:
            return shadows.Said(charges=list_charges(failure.provenance), failed=failure)
        made, output = result.provenance or {}, result.output[self._answer_at]
        if (failed := shadows.find_fault(model, output)) is not None:
            return shadows.Said(charges=list_charges(made), failed=failed)
        return shadows.Said(
            output=output,
            confidence=_read_confidence(result),
            charges=list_charges(made),
            version=str(made.get("version") or ""),
        )

    def _make_shadow(self, model: str) -> shadows.Shadow:
        def count(charges: shadows.Charges) -> None:
            count_late(self.ctx.flow, charges, model)

        shares_call = self._shares_call(model)
        return shadows.Shadow(model, self._ask_in_shadow, count, shares_call=shares_call)

    def _tell(
        self, made: Mapping[str, Json], tried: Sequence[Tried], asked: Sequence[shadows.Shadow]
    ) -> dict[str, Json]:
        told = shadows.collect(asked, self.routing.shadow_wait_ms)
        charges = [*self._charges, *(each for _, said in told if said for each in said.charges)]
        return {
            **made,
            "route": [each.as_json() for each in tried],
            "charges": charges,
            **({"shadow": shadows.show(told)} if told else {}),
        }


def _read_confidence(result: Result) -> float | None:
    found: float | None = result.output.get("confidence")
    return found

"""The tools of the agent that refunds orders. STEP_MODULES allows this module.

The orders are made up. In an installation of your own these functions ask your shop and your bank,
or the tools are `http.request` and `mcp.call`.
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from examples.language.clerk import RefundClerk
from flows.steps.base import StepContext, StepFailure
from flows.steps.language import register_language_provider
from flows.steps.python import step

register_language_provider(RefundClerk())


class Order(TypedDict):
    """``why`` says why it may be refunded, or why not."""

    order: str
    amount: float
    refundable: bool
    why: str


class Refunded(TypedDict):
    """``reference`` is the same for each attempt, so that nothing is paid twice."""

    amount: float
    reference: str


Amount = Annotated[float, Field(gt=0, le=10_000, title="Amount (EUR)")]
OrderNumber = Annotated[str, Field(pattern=r"^[A-Z]-\d{3,8}$", title="Order")]
Why = Annotated[str, Field(max_length=200, title="Reason")]

ORDERS: dict[str, Order] = {
    "A-1001": Order(order="A-1001", amount=18.5, refundable=True, why="arrived broken"),
    "A-1002": Order(order="A-1002", amount=240.0, refundable=True, why="never arrived"),
    "A-1003": Order(order="A-1003", amount=65.0, refundable=False, why="it was returned used"),
}


@step
def look_up_order(order: OrderNumber) -> Order:
    """Return the order."""
    try:
        return ORDERS[order]
    except KeyError:
        raise StepFailure(f"There is no order {order}.", kind="missing", retryable=False) from None


def _pretend(order: OrderNumber, amount: Amount, reason: Why, ctx: StepContext) -> Refunded:
    return Refunded(amount=amount, reference="rehearsal")


@step(effects=True, stand_in=_pretend)
def refund(order: OrderNumber, amount: Amount, reason: Why, ctx: StepContext) -> Refunded:
    """Pay the amount back to the customer."""
    return Refunded(amount=amount, reference=ctx.idempotency_key)

"""What one rendering may take: a budget that all expressions of a template share.

Each cost is known from sizes before the work is done. One unit is at worst 25 ns of CPU time, and
about three bytes of memory for what is kept in the result.
"""

from flows.expressions.errors import ExpressionError

MAX_RENDER_COST = 40_000_000
# Evaluating the shortest expression that is more than a path, and each term of it.
EXPRESSION_COST = 1_000
TERM_COST = 20
# A byte that is read: it is measured, and converted for CEL.
READ_COST = 2
# A container of the result, and each item of it.
CONTAINER_COST = 64
ITEM_COST = 16


class Budget:
    """What is left of the budget."""

    __slots__ = ("left",)

    def __init__(self, left: float = MAX_RENDER_COST) -> None:
        self.left = left

    def spend(self, cost: float) -> None:
        """Raises: ExpressionError, where the cost exceeds what is left."""
        self.left -= cost
        if self.left < 0:
            raise ExpressionError(
                "The expressions up to this one together would build or read too much.",
                "Work on smaller parts of the input, split the step, or use a python step.",
            )


def count_bytes(text: str) -> int:
    """Return the most that the text takes in memory."""
    return len(text) if text.isascii() else 4 * len(text)

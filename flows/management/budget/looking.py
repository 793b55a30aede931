"""``manage.py budget list``."""

from django.core.management.base import CommandParser
from django.utils import timezone

from flows.costs.budgets import BudgetState, list_states
from flows.management.subcommands import Options, Subcommand
from flows.spending.amounts import format_amount


class ListBudgets(Subcommand):
    name = "list"
    help = "List the budgets, and how much is spent of each."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument(
            "--fail-when-reached", action="store_true", help="End with 1 if one is spent."
        )

    def handle(self, options: Options) -> None:
        states = list_states(timezone.now())
        for state in states:
            self.stdout.write(describe_state(state))
        if not states:
            self.stdout.write("There are no budgets.")
        if options["fail_when_reached"] and any(each.state == "reached" for each in states):
            raise SystemExit(1)


def describe_state(state: BudgetState) -> str:
    """Return a line with what names the budget, its amount, and how much is spent."""
    budget = state.budget
    line = f"{' '.join(state.parts)}: {format_amount(budget.amount)}, {budget.when_reached}"
    if state.spent is None:
        return line
    return f"{line}; {format_amount(state.spent)} spent, {state.state}"

"""``manage.py budget``: each sub-command is a class of flows.management.budget."""

from flows.management.budget.changing import RemoveBudget, SetBudget
from flows.management.budget.looking import ListBudgets
from flows.management.subcommands import CommandOfSubcommands


class Command(CommandOfSubcommands):
    help = "List, set and remove budgets of what calls of models may cost."
    subcommands = (ListBudgets, SetBudget, RemoveBudget)

"""``manage.py budget set`` and ``budget remove``."""

from decimal import Decimal, InvalidOperation

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from pydantic import ValidationError

from flows.costs import services
from flows.costs.budgets import BudgetKey, BudgetSettings, describe_budgets
from flows.management.budget.looking import describe_state
from flows.management.subcommands import Options, Subcommand
from flows.spending.models import Payer, Period, Reached
from workbench.accounts.actors import Actor

ACTOR = Actor.system("manage.py budget")
PERCENT = 100


def _add_key(parser: CommandParser) -> None:
    parser.add_argument("payer", choices=Payer.values)
    parser.add_argument("name", help="Of the connection or flow; - for all.")
    parser.add_argument("period", choices=Period.values)


def _read_key(options: Options) -> BudgetKey:
    return BudgetKey.read(options["payer"], options["name"], options["period"])


class SetBudget(Subcommand):
    name = "set"
    help = "Set a budget, or change it."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        _add_key(parser)
        parser.add_argument("amount", help="In the installation's currency.")
        parser.add_argument(
            "--warn-at", default="80", metavar="PERCENT", help="Of the amount; 80 by default."
        )
        parser.add_argument(
            "--when-reached",
            choices=Reached.values,
            default=Reached.STOP.value,
            help="Refuse further calls (stop, the default), or only warn.",
        )

    def handle(self, options: Options) -> None:
        now = timezone.now()
        try:
            settings = BudgetSettings(
                amount=_read_number("amount", options["amount"]),
                warn_at=_read_number("--warn-at", options["warn_at"]) / PERCENT,
                when_reached=options["when_reached"],
            )
            row = services.set_budget(
                key=_read_key(options), settings=settings, actor=ACTOR, now=now
            )
        except ValidationError as error:
            fault = error.errors()[0]
            raise CommandError(f"{fault['loc'][0]}: {fault['msg']}.") from error
        except services.BudgetInvalid as error:
            raise CommandError(error.message) from error
        self.stdout.write(describe_state(describe_budgets([row], now)[0]))


class RemoveBudget(Subcommand):
    name = "remove"
    help = "Remove a budget, so that it stops nothing any more."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        _add_key(parser)

    def handle(self, options: Options) -> None:
        try:
            services.remove_budget(key=_read_key(options), actor=ACTOR, now=timezone.now())
        except services.BudgetUnknown as error:
            raise CommandError(f"{error.message} `budget list` names them.") from error
        self.stdout.write("Removed.")


def _read_number(name: str, text: str) -> float:
    try:
        return float(Decimal(text))
    except (InvalidOperation, ValueError) as error:
        raise CommandError(f"{name}: {text!r} is no number. Write it as 12.50.") from error

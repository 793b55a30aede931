"""What installed packages add, and the refusal to start without it."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.management.base import CommandError

from flows.steps.packages import BrokenPackage, load_packages

REMEDY = "Mend the package or uninstall it."
_broken: list[BrokenPackage] = []


def load() -> None:
    """Register what the packages offer. What could not be is kept for ``refuse_if_broken``."""
    _broken[:] = load_packages()


def refuse_if_broken() -> None:
    """Refuse to run without a part that is installed. Raises: CommandError.

    A process that went on without it would fail every run that needs it.
    """
    if _broken:
        raise CommandError("\n".join([*map(str, _broken), REMEDY]))


@register()
def check_packages(**kwargs: Any) -> list[CheckMessage]:
    """Name each package that cannot be used (process.E001)."""
    return [Error(str(each), hint=REMEDY, id="process.E001") for each in _broken]

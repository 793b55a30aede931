"""Answer settings that do not hold as problem+json."""

from collections.abc import Iterator
from contextlib import contextmanager

from reviews.errors import SettingsInvalid
from workbench.http.problems import ApiProblem


@contextmanager
def report_problems() -> Iterator[None]:
    """Answer settings that do not hold with the list of what is wrong."""
    try:
        yield
    except SettingsInvalid as error:
        found = [{"at": at, "message": message} for at, message in error.problems.items()]
        raise ApiProblem(
            422, "settings-invalid", str(error), "Correct what errors names.", found
        ) from error

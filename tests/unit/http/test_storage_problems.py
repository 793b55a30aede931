import errno

import pytest
from django.db.utils import IntegrityError, OperationalError

from workbench.http.problems import storage_problem


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("database or disk is full"), "storage-full"),
        (OperationalError("disk I/O error"), "storage-full"),
        (OperationalError("could not extend file: No space left on device"), "storage-full"),
        (OSError(errno.ENOSPC, "No space left on device"), "storage-full"),
        (OperationalError("server closed the connection unexpectedly"), "database-away"),
    ],
)
def test_a_database_that_cannot_be_written_is_a_503_that_says_why(
    error: Exception, code: str
) -> None:
    problem = storage_problem(error)
    assert problem is not None
    assert (problem.status, problem.code) == (503, code)
    assert "Retry-After" in problem.headers


@pytest.mark.parametrize("error", [IntegrityError("a row twice"), OSError(errno.EPIPE, "gone")])
def test_any_other_error_is_the_servers_own(error: Exception) -> None:
    assert storage_problem(error) is None

"""Why a service of assets refused. Nothing was changed then."""

from collections.abc import Sequence

from flows.assets.kinds import AssetProblem, TestResult
from flows.services.errors import ServiceError


class AssetUnknown(ServiceError):
    """There is no such asset, or no such version of it."""


class AssetExists(ServiceError):
    """Another asset of the kind has this name."""


class AssetInvalid(ServiceError):
    """The draft has problems. ``problems`` lists them."""

    def __init__(self, problems: Sequence[AssetProblem]) -> None:
        self.problems = list(problems)
        first = self.problems[0]
        super().__init__(
            f"{first.field}: {first.message}"
            + (f" And {len(self.problems) - 1} more." if len(self.problems) > 1 else ""),
            first.remedy or "Correct each of them.",
        )


class AssetTestsFailed(ServiceError):
    """Some of the draft's own tests fail. ``problems`` says of each what it missed."""

    def __init__(self, failed: Sequence[TestResult]) -> None:
        self.problems = [AssetProblem(f"tests.{each.name}", _list_missed(each)) for each in failed]
        first = failed[0]
        super().__init__(
            f"{len(failed)} of its tests failed; {first.name!r}: {_list_missed(first)}",
            "Correct the draft or the test, then publish.",
        )


def _list_missed(result: TestResult) -> str:
    missed = [f"{each.label}: {each.message}" for each in result.checks if each.passed is False]
    return " ".join([result.reason, *missed]).strip()


class TestsUnderWay(ServiceError):
    """A model is being asked for the tests of this asset already."""

    __test__ = False


class TestsEnded(ServiceError):
    """The tests have ended: there is nothing to stop."""

    __test__ = False


class AssetUnchanged(ServiceError):
    """The draft equals the newest version."""


class AssetDraftChanged(ServiceError):
    """The draft is another than the one that was looked at."""


class OtherPersonNeeded(ServiceError):
    """Another person than the one who published the version has to release it."""


class AssetInUse(ServiceError):
    """A released flow uses the asset, so it cannot be archived."""

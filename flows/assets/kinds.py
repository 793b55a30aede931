"""The kinds of assets. A kind brings what is its own; all the rest is written once for all kinds.

Its own are: what a draft holds, how that is checked, described, compared, tested, edited and shown.
Names, drafts, versions, releases, the ledger, the pages' frame, the API and files are common.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flows.models import RecordedAnswer
from flows.spending.without_runs import count_without_run
from workbench.accounts.actors import Actor
from workbench.accounts.permissions import Principal

Json = Any
Content = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class AssetProblem:
    """What is wrong with a draft, where (``parts.0.text``), and what to do about it."""

    field: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.message} {self.remedy}".strip()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text. ``kind`` is same, new or gone."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in which two contents differ, as pieces of its text."""

    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One assertion of a test. ``pieces`` are what was expected and what was got, compared.

    ``label`` says it in words. ``passed`` None says that it was not looked at, since only a model
    could.
    """

    kind: str
    passed: bool | None
    expected: str = ""
    message: str = ""
    pieces: tuple[Piece, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class TestResult:
    """How a test went. ``state`` is passed, failed or skipped; ``source`` says who answered.

    ``is_stale`` marks a recorded answer that was given to another text than the present one.
    ``text`` is the answer as text.
    """

    __test__ = False

    name: str
    state: str
    answer: Json = None
    source: str = ""
    reason: str = ""
    checks: tuple[Check, ...] = ()
    is_stale: bool = False
    cost: float = 0.0
    text: str = ""


@dataclass(slots=True)
class TestBudget:
    """Whom tests may ask, how often, at what cost, and how long no further call is begun after.

    Without a model they run on recorded answers alone. A cost or time of 0 is no limit.
    """

    __test__ = False

    model: str = ""
    judge: str = ""
    calls: int = 0
    cost: float = 0.0
    calls_made: int = 0
    seconds: float = 0.0
    cost_made: float = 0.0
    began: float = field(default_factory=time.monotonic)
    kept: list[RecordedAnswer] = field(default_factory=list)

    @property
    def is_left(self) -> bool:
        is_late = self.seconds and time.monotonic() - self.began > self.seconds
        is_dear = self.cost and self.cost_made >= self.cost
        return self.calls_made < self.calls and not is_late and not is_dear

    def begin_call(self) -> bool:
        """Return whether a call may be made. It counts from here on: one that fails may be paid."""
        if not self.is_left:
            return False
        self.calls_made += 1
        return True

    def recall(self, digest: str) -> RecordedAnswer | None:
        """Return the answer that these tests were given to the question before, if they were."""
        return None

    def note(self, record: RecordedAnswer) -> None:
        """Take note of an answer, or of a failure that was paid for, with what it cost."""
        self.cost_made += float(record.provenance.get("cost") or 0)
        self.kept.append(record)
        count_without_run([record.provenance], now=record.at)


@dataclass(frozen=True, slots=True)
class Freeze:
    """For whom a draft is made into a version, which may take in what lies elsewhere.

    ``principal`` says what may be seen: a token sees what its scopes allow, and no more.
    """

    actor: Actor
    principal: Principal | None = None


class FileFormat:
    """A form of files that other tools know, beside the YAML of every kind.

    ``name`` is what a file's name ends in.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    media_type: ClassVar[str]

    def write(self, name: str, title: str, content: Content) -> str:
        """Return the text of a file."""
        raise NotImplementedError

    def read(self, text: str, before: Content) -> dict[str, Json]:
        """Return the content of a file, with what it cannot hold taken from ``before``.

        Raises: AssetInvalid.
        """
        raise NotImplementedError


class AssetKind:
    """A kind of asset. ``view`` and ``edit`` are the permissions that its pages ask for.

    ``form_template`` renders its fields in the editor, ``content_template`` shows a content,
    ``preview_template`` shows beside the editor what the fields make. ``edit_class`` lays the
    editor out, with ``styles`` and ``scripts`` of the kind's own. ``asks_models``: tests may.
    ``says_places``: messages of problems name the place in words.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    plural: ClassVar[str]
    icon: ClassVar[str] = "file-text"
    summary: ClassVar[str] = ""
    view: ClassVar[str]
    edit: ClassVar[str]
    form_template: ClassVar[str]
    content_template: ClassVar[str]
    preview_template: ClassVar[str] = "flows/assets/_preview.html"
    edit_class: ClassVar[str] = ""
    styles: ClassVar[tuple[str, ...]] = ()
    scripts: ClassVar[tuple[str, ...]] = ()
    asks_models: ClassVar[bool] = False
    says_places: ClassVar[bool] = False
    tests_help: ClassVar[str] = "A test says what has to come of which values."
    formats: ClassVar[Mapping[str, FileFormat]] = {}
    largest: ClassVar[int] = 500_000  # bytes of a draft as JSON
    # Further pages of the kind, on its list: title, name of the address, icon.
    links: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    # The same for those who may edit.
    edit_links: ClassVar[tuple[tuple[str, str, str], ...]] = ()

    def empty(self) -> dict[str, Json]:
        """Return the draft to begin with."""
        raise NotImplementedError

    def normal(self, content: Content) -> dict[str, Json]:
        """Return the content in its normal form, with its keys in their fixed order."""
        return dict(content)

    def check_form(self, content: Content) -> list[AssetProblem]:
        """Return what keeps the content from being a draft: what all the rest relies on."""
        raise NotImplementedError

    def check(self, content: Content) -> list[AssetProblem]:
        """Return what keeps a draft from being published."""
        raise NotImplementedError

    def describe(self, content: Content) -> str:
        """Return a line that says what the content is."""
        raise NotImplementedError

    def diff(self, before: Content, after: Content) -> list[Difference]:
        """Return where two contents differ."""
        raise NotImplementedError

    def hide(self, content: Content, principal: Principal) -> dict[str, Json]:
        """Return the content without what the principal may not see of it."""
        return dict(content)

    def freeze(self, content: Content, given: Freeze) -> dict[str, Json]:
        """Return what a version keeps of a draft. Raises: AssetInvalid."""
        return self.normal(content)

    def run_tests(self, name: str, content: Content, budget: TestBudget) -> Sequence[TestResult]:
        """Run the content's own tests."""
        return ()

    def split_tests(self, content: Content) -> Sequence[Content]:
        """Return the content once for each of its tests, with that test alone."""
        return ()

    def keep_answers(
        self, content: Content, results: Sequence[TestResult], model: str
    ) -> dict[str, Json]:
        """Return the content with the answers that a model gave recorded in its tests."""
        return dict(content)

    def show(self, content: Content) -> dict[str, Any]:
        """Return what ``content_template`` shows of a content."""
        return {"content": content}

    def show_found(self, content: Content, asked: Any) -> dict[str, Any]:
        """Return the same, of a content that is looked through by what an address or form asks."""
        return self.show(content)

    def show_use(self, asset: Any) -> dict[str, Any]:
        """Return what ``content_template`` shows, on an asset's page, of how it is used."""
        return {}

    def read_form(self, posted: Any) -> dict[str, Json]:
        """Return the content that a posted form holds. Raises: FormUnread."""
        raise NotImplementedError

    def read_edit(self, draft: Content, posted: Any) -> dict[str, Json]:
        """Return what a posted form makes of the draft. Raises: FormUnread."""
        return self.read_form(posted)

    def fill_form(self, content: Content, posted: Any = None) -> dict[str, Any]:
        """Return what ``form_template`` shows: the content, or what was posted and not saved."""
        raise NotImplementedError


class FormUnread(ValueError):
    """Fields of a form could not be read. ``problems`` has each one."""

    def __init__(self, problems: Sequence[AssetProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


class UnknownKind(LookupError):
    """There is no kind of asset of that name."""


_KINDS: dict[str, AssetKind] = {}


def register_kind(kind: AssetKind) -> None:
    """Add a kind. Raises: ValueError for another one of the same name."""
    known = _KINDS.setdefault(kind.name, kind)
    if type(known) is not type(kind):
        raise ValueError(f"There are two kinds of asset {kind.name!r}; rename one.")


def get_kind(name: str) -> AssetKind:
    """Return the kind of that name. Raises: UnknownKind."""
    try:
        return _KINDS[name]
    except KeyError:
        raise UnknownKind(f"There is no kind of asset {name!r}.") from None


def all_kinds() -> tuple[AssetKind, ...]:
    """Return every kind, sorted by name."""
    return tuple(_KINDS[name] for name in sorted(_KINDS))


def sum_up(results: Sequence[TestResult]) -> dict[str, int]:
    """Return how many tests there are in each state, and how many answers were stale."""
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for result in results:
        counts[result.state] += 1
    return {**counts, "stale": sum(result.is_stale for result in results)}

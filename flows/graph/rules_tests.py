"""Rules on a flow's own tests: a mistyped word must not let a test pass.

Publishing waits for these tests, so that a field nobody reads would be a check nobody makes.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from flows.graph.json_values import Path, format_path
from flows.graph.model import Json
from flows.graph.problems import Problem, error, join_names, suggest
from flows.graph.view import View, schema_validator

TEST_FIELDS = ("name", "input", "stubs", "decisions", "expect")
ANSWER_FIELDS = ("output", "port", "error")
EXPECT_FIELDS = ("path", "not_path", "outcome", "output", "status", "waits_at")
STATUSES = ("completed", "waiting", "failed")
MOST_FAULTS_OF_INPUT = 3


def check_tests(view: View) -> Iterator[Problem]:
    checker = TestChecker(view)
    for index in range(len(view.document.tests)):
        yield from checker.check(index)


class TestChecker:
    """Finds what is wrong with the form of a test, with the names in it, and with its input."""

    __test__ = False  # pytest takes the name for a class of tests

    def __init__(self, view: View) -> None:
        self.view = view

    def check(self, index: int) -> Iterator[Problem]:
        """Yield the faults of the document's test at the index."""
        test, path = self.view.document.tests[index], ("tests", index)
        yield from _check_fields(test, path, TEST_FIELDS)
        yield from _check_text(test, path, "name")
        yield from self._check_input(test.get("input", {}), (*path, "input"))
        for part in ("stubs", "decisions"):
            yield from self._check_answers(test.get(part), (*path, part))
        yield from self._check_expect(test.get("expect"), (*path, "expect"))

    def _check_input(self, given: Json, path: Path) -> Iterator[Problem]:
        samples = self.view.document.samples
        if isinstance(given, str):
            if given not in samples:
                message = f"There is no sample {given!r}."
                yield error("test.sample", "", format_path(path), message, suggest(given, samples))
                return
            given = samples[given]
        if self._input_schema is None:
            return
        faults = [*self._input_schema.iter_errors(given)][:MOST_FAULTS_OF_INPUT]
        for fault in faults:
            yield error(
                "test.input",
                "",
                format_path((*path, *fault.instance_path)),
                f"No run starts with this input: {fault.message[:200]}.",
                "Correct it, or the flow's `input`, which says what an input must fit.",
            )

    @cached_property
    def _input_schema(self) -> Any:
        """The validator of inputs; None where `input` is no schema, which has a rule of its own."""
        try:
            return schema_validator(self.view.document.input)
        except ValueError:
            return None

    def _check_answers(self, answers: Json, path: Path) -> Iterator[Problem]:
        if answers is None:
            return
        if not isinstance(answers, Mapping):
            yield _wrong_kind(path, "a mapping of steps to their answers")
            return
        for step, given in answers.items():
            here = (*path, step)
            yield from self._check_step(step, here)
            many = isinstance(given, list)
            if many and not given:
                yield _wrong_kind(here, "an answer, or a list of at least one")
            for index, answer in enumerate(given if many else [given]):
                yield from self._check_answer(step, answer, (*here, index) if many else here)

    def _check_answer(self, step: str, answer: Json, path: Path) -> Iterator[Problem]:
        if not isinstance(answer, Mapping):
            yield _wrong_kind(path, "a mapping with `output`, `port` or `error`")
            return
        yield from _check_fields(answer, path, ANSWER_FIELDS)
        if answer.get("error") is not None and not isinstance(answer["error"], Mapping):
            yield _wrong_kind((*path, "error"), "a mapping with `kind` and `message`")
        yield from _check_text(answer, path, "port")
        port, known = answer.get("port"), self._list_ports(step)
        if isinstance(port, str) and known and port not in known:
            message = f"{step} has no port {port!r}."
            place = format_path((*path, "port"))
            yield error("test.unknown_port", "", place, message, suggest(port, known))

    def _list_ports(self, step: str) -> tuple[str, ...]:
        """Return the ports of a step, or () where they cannot be known."""
        is_known = step in self.view.steps and self.view.ports(step)
        return self.view.all_ports(step) if is_known else ()

    def _check_expect(self, expect: Json, path: Path) -> Iterator[Problem]:
        if expect is None:
            return
        if not isinstance(expect, Mapping):
            yield _wrong_kind(path, "a mapping of what must come out")
            return
        yield from _check_fields(expect, path, EXPECT_FIELDS)
        for key in ("path", "not_path"):
            yield from self._check_step_list(expect.get(key), (*path, key))
        for key in ("outcome", "waits_at"):
            yield from _check_text(expect, path, key)
        if isinstance(expect.get("waits_at"), str):
            yield from self._check_step(expect["waits_at"], (*path, "waits_at"))
        if "status" in expect and expect["status"] not in STATUSES:
            message = f"A test ends as {join_names(STATUSES)}, not {expect['status']!r}."
            remedy = suggest(str(expect["status"]), STATUSES)
            yield error("test.wrong", "", format_path((*path, "status")), message, remedy)

    def _check_step_list(self, names: Json, path: Path) -> Iterator[Problem]:
        if names is None:
            return
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            yield _wrong_kind(path, "a list of steps")
            return
        for index, name in enumerate(names):
            yield from self._check_step(name, (*path, index))

    def _check_step(self, name: str, path: Path) -> Iterator[Problem]:
        if name not in self.view.steps:
            message, remedy = f"There is no step {name!r}.", suggest(name, self.view.steps)
            yield error("test.unknown_step", "", format_path(path), message, remedy)


def _check_fields(
    data: Mapping[str, Json], path: Path, known: tuple[str, ...]
) -> Iterator[Problem]:
    for key in data:
        if key not in known:
            place = format_path((*path, key))
            message = f"A test has no field {key!r} here."
            yield error("test.unknown_field", "", place, message, suggest(key, known))


def _check_text(data: Mapping[str, Json], path: Path, key: str) -> Iterator[Problem]:
    if key in data and not isinstance(data[key], str):
        yield _wrong_kind((*path, key), "text")


def _wrong_kind(path: Path, kind: str) -> Problem:
    remedy = f"Write {kind} here."
    return error("test.wrong", "", format_path(path), f"This must be {kind}.", remedy)


TEST_RULES = (check_tests,)

"""``manage.py flow``, on the database."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from flows.models import Flow, Run
from flows.services import save_draft
from tests.factories.flows import make_flow
from tests.factories.people import make_person
from tests.factories.runs import make_completed_run

pytestmark = pytest.mark.django_db
TRIVIAL = "examples/trivial/flow.yaml"


def flow(*arguments: object) -> tuple[int, str, str]:
    """Return exit code, what was printed and what was complained of."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("flow", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


def lines_file(tmp_path: Path, *values: object) -> Path:
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values))
    return path


def test_validate_passes_a_good_file_and_names_what_is_wrong_with_a_bad_one(tmp_path: Path) -> None:
    assert flow("validate", TRIVIAL) == (0, f"{TRIVIAL}: no problems\n", "")
    bad = tmp_path / "bad.yaml"
    bad.write_text(Path(TRIVIAL).read_text().replace("s1.done -> s2", "s1.done -> s99"))
    code, out, _ = flow("validate", bad)
    assert code == 1
    assert "s99" in out


def test_validate_of_what_is_no_document_says_the_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\nsteps: [\n")
    code, out, _ = flow("validate", bad, tmp_path / "missing.yaml")
    assert code == 1
    assert "line" in out
    assert "cannot be read" in out


def test_import_makes_the_flow_then_saves_its_draft() -> None:
    flow("import", TRIVIAL, "--publish", "First")
    made = Flow.objects.get()
    assert made.released is not None
    assert "Saved the draft" in flow("import", TRIVIAL)[1]
    assert "Nothing to publish" in flow("import", TRIVIAL, "--publish", "Again")[1]


def test_import_replaces_what_people_edited_only_if_a_version_has_it_or_it_is_told_to() -> None:
    flow("import", TRIVIAL, "--publish", "First")
    made = Flow.objects.get()
    edited = {**made.draft, "title": "By Mia"}
    save_draft(flow_id=made.pk, document=edited, author=make_person("mia"), now=timezone.now())
    with pytest.raises(CommandError, match=r"mia edited the draft of trivial at .*--over"):
        flow("import", TRIVIAL)
    made.refresh_from_db()
    assert made.title == "By Mia"
    flow("import", TRIVIAL, "--over")
    made.refresh_from_db()
    assert made.title != "By Mia"
    save_draft(flow_id=made.pk, document=edited, author=make_person("bo"), now=timezone.now())
    made.refresh_from_db()
    flow("publish", made.name, "--note", "It is good", "--revision", made.draft_revision)
    assert "Saved the draft" in flow("import", TRIVIAL)[1]


def test_what_is_exported_imports_as_the_same(tmp_path: Path) -> None:
    flow("import", TRIVIAL)
    path = tmp_path / "out.yaml"
    path.write_text(flow("export", "trivial")[1])
    assert flow("diff", "trivial", path)[0] == 0


def test_diff_tells_what_differs_and_fails() -> None:
    made = make_flow()
    made.draft = {**made.draft, "title": "Another"}
    made.save()
    code, out, _ = flow("diff", "loan@1", "loan")
    assert code == 1
    assert "Another" in out


def test_publish_takes_only_the_revision_that_was_looked_at() -> None:
    made = make_flow()
    save_draft(flow_id=made.pk, document={**made.draft, "title": "Another"}, author=None,
               now=timezone.now())  # fmt: skip
    _, out, _ = flow("diff", "loan@1", "loan")
    assert "The draft of loan is at revision 1" in out
    with pytest.raises(CommandError, match="revision 1; revision 0 was looked at"):
        flow("publish", "loan", "--note", "Go", "--revision", "0")
    assert made.versions.count() == 1
    assert "version 2" in flow("publish", "loan", "--note", "Go", "--revision", "1")[1]


def test_publish_refuses_what_a_person_edited_unless_it_is_told_what_was_looked_at(
    tmp_path: Path,
) -> None:
    made = make_flow()
    edited = {**made.draft, "title": "By Mia"}
    save_draft(flow_id=made.pk, document=edited, author=make_person("mia"), now=timezone.now())
    path = tmp_path / "seen.yaml"
    path.write_text(flow("export", "loan@1")[1])
    remedy = r"mia edited .*flow diff loan@1 loan\..*flow publish loan --revision 1"
    with pytest.raises(CommandError, match=remedy):
        flow("publish", "loan", "--note", "Go")
    with pytest.raises(CommandError, match=rf"flow diff {path} loan"):
        flow("publish", "loan", "--note", "Go", "--file", path)
    assert made.versions.count() == 1
    path.write_text(flow("export", "loan")[1])
    assert "version 2" in flow("publish", "loan", "--note", "Go", "--file", path)[1]


def test_publish_tells_what_it_publishes_and_what_that_changes() -> None:
    made = make_flow()
    save_draft(flow_id=made.pk, document={**made.draft, "title": "Another"}, author=None,
               now=timezone.now())  # fmt: skip
    _, out, _ = flow("publish", "loan", "--note", "Go")
    assert "Revision 1 of loan, digest " in out
    assert "Changes against version 1, which is released:" in out
    assert "Another" in out
    assert made.versions.get(number=2).digest in out


def test_test_runs_the_tests_of_a_flow_and_fails_with_them() -> None:
    case = {"name": "Fee is two per cent", "input": "small", "expect": {"output": {"fee": 24.0}}}
    make_flow(tests=[case])
    assert flow("test", "loan")[0] == 0
    make_flow("dear", tests=[{**case, "expect": {"output": {"fee": 99}}}])
    code, out, _ = flow("test", "dear")
    assert code == 1
    assert "FAILED: Fee is two per cent" in out


def test_publish_of_a_draft_with_errors_lists_them() -> None:
    make_flow(versions=0, released=False, edges=["fee.done -> nowhere"])
    with pytest.raises(CommandError, match="nowhere"):
        flow("publish", "loan", "--note", "Go")


def test_run_starts_each_line_once(tmp_path: Path) -> None:
    make_flow()
    path = lines_file(
        tmp_path,
        {"amount": 1, "purpose": "car"},
        {
            "input": {"amount": 2, "purpose": "car"},
            "idempotency_key": "application-2",
            "label": "good",
        },
    )
    assert "2 started, 0 started before, 0 refused" in flow("run", "loan", "--input-file", path)[1]
    assert "0 started, 2 started before, 0 refused" in flow("run", "loan", "--input-file", path)[1]
    assert Run.objects.filter(idempotency_key="application-2").count() == 1
    again = flow("run", "loan", "--input-file", path, "--again")[1]
    assert "2 started" in again


def test_run_takes_the_key_from_a_field(tmp_path: Path) -> None:
    make_flow(input={"type": "object"})
    path = lines_file(tmp_path, {"number": 7, "amount": 1}, {"amount": 2})
    code, out, err = flow("run", "loan", "--input-file", path, "--key", "number")
    assert (code, Run.objects.get().idempotency_key) == (1, "7")
    assert "1 started, 0 started before, 1 refused" in out
    assert "line 2: has no 'number'" in err


def test_a_bad_line_is_named_and_the_others_start(tmp_path: Path) -> None:
    make_flow()
    path = lines_file(
        tmp_path, {"amount": 1, "purpose": "car"}, {"amount": "x"}, {"amount": 3, "purpose": "car"}
    )
    path.write_text(path.read_text() + "nope\n")
    code, out, err = flow("run", "loan", "--input-file", path)
    assert code == 1
    assert "2 started, 0 started before, 2 refused" in out
    assert "line 2:" in err
    assert "line 4: not JSON" in err


def test_run_of_an_unknown_flow_names_those_there_are() -> None:
    make_flow()
    with pytest.raises(CommandError, match="There is: loan"):
        flow("run", "nowhere", "--input", "{}")


def test_waiting_for_runs_that_nobody_drives_gives_up_and_says_why(tmp_path: Path) -> None:
    make_flow()
    path = lines_file(tmp_path, {"amount": 1, "purpose": "car"})
    with pytest.raises(CommandError, match="Is a worker alive"):
        flow("run", "loan", "--input-file", path, "--wait", "--timeout", "0")


def test_waiting_for_a_run_that_failed_ends_with_an_error(tmp_path: Path) -> None:
    make_flow()
    arguments = (
        "run",
        "loan",
        "--input-file",
        lines_file(tmp_path, {"amount": 1, "purpose": "car"}),
    )
    assert flow(*arguments)[0] == 0
    Run.objects.update(status="failed")
    code, out, _ = flow(*arguments, "--wait")
    assert (code, "1 failed" in out) == (1, True)
    assert flow(*arguments)[0] == 0
    Run.objects.update(status="completed")
    assert flow(*arguments, "--wait")[0] == 0


def test_backtest_says_which_decisions_flip_and_can_fail_for_it(tmp_path: Path) -> None:
    loan = make_flow()
    run = make_completed_run(loan)
    same, out, _ = flow("backtest", "loan")
    assert (same, "0 decisions flip" in out) == (0, True)
    other = {**loan.draft, "steps": {**loan.draft["steps"], "settle": {"type": "end"}}}
    path = tmp_path / "other.json"
    path.write_text(json.dumps(other))
    code, out, _ = flow("backtest", "loan", "--file", path, "--fail-on-flips", "--json")
    assert (code, json.loads(out)["flipped"]) == (1, [run.pk])

"""``manage.py table``: files of a repository, DMN and CSV, and back."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from flows.assets.models import Asset
from tests.factories.tables import LIMITS, make_table

pytestmark = pytest.mark.django_db


def table(*arguments: str) -> str:
    out = StringIO()
    call_command("table", *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.parametrize("form", ["yaml", "dmn", "csv"])
def test_what_is_exported_is_imported_without_loss(form: str, tmp_path: Path) -> None:
    make_table()
    path = tmp_path / f"limits.{form}"
    path.write_text(table("export", "limits", "--format", form))
    table("import", str(path))
    assert Asset.objects.get().draft == LIMITS
    assert Asset.objects.get().draft_revision == 1
    path = path.rename(tmp_path / f"others.{form}") if form == "dmn" else path
    if form == "dmn":
        assert "Published and released others@1" in table("import", str(path), "--publish", "New")
        assert Asset.objects.get(name="others").draft == {**LIMITS, "tests": []}


def test_tests_run_from_a_file_and_fail_the_command(tmp_path: Path) -> None:
    make_table()
    assert "A small loan" in table("test", "limits", "limits@1")
    path = tmp_path / "limits.yaml"
    path.write_text(table("export", "limits").replace("expect: 500", "expect: 501"))
    with pytest.raises(SystemExit):
        table("test", str(path))


def test_a_form_that_a_table_does_not_have_is_refused() -> None:
    make_table()
    with pytest.raises(CommandError, match=r"'xlsx' is no form of a table. Use yaml, dmn, csv"):
        table("export", "limits", "--format", "xlsx")


def test_models_are_not_offered_to_tests_that_ask_none() -> None:
    with pytest.raises((CommandError, SystemExit)):
        table("test", "limits", "--model", "small")

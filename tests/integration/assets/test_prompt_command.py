"""``manage.py prompt``: files of a repository and back."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flows.assets.models import Asset, AssetVersion
from flows.assets.services import save_draft
from flows.steps import language
from flows.steps.language import ChatAnswer
from flows.steps.models import Provenance
from tests.factories.flows import NOW
from tests.factories.people import make_person
from tests.factories.prompts import TRIAGE, make_prompt
from workbench.accounts.actors import Actor

pytestmark = pytest.mark.django_db


def prompt(*arguments: str) -> str:
    out = StringIO()
    call_command("prompt", *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    make_prompt()
    path = tmp_path / "triage.yaml"
    path.write_text(prompt("export", "triage"))
    return path


def test_what_is_exported_is_imported_without_loss(file: Path) -> None:
    text = file.read_text()
    Asset.objects.update(released=None)
    AssetVersion.objects.all().delete()
    Asset.objects.all().delete()
    assert "Made the prompt triage." in prompt("import", str(file))
    assert Asset.objects.get().draft == TRIAGE
    assert prompt("export", "triage") == text
    assert "Published and released triage@1" in prompt("import", str(file), "--publish", "First")
    assert "Nothing to publish" in prompt("import", str(file), "--publish", "Again")
    assert prompt("export", "triage@1") == text


def test_a_changed_file_becomes_the_draft(file: Path) -> None:
    file.write_text(file.read_text().replace("Sorts letters", "Sorts all letters"))
    assert "revision 2" in prompt("import", str(file))
    assert Asset.objects.get().draft["description"] == "Sorts all letters to a bank."


def test_what_people_edited_is_not_replaced_unless_asked_for(file: Path) -> None:
    asset, dora = Asset.objects.get(), make_person("dora")
    edited = {**TRIAGE, "description": "Edited by hand"}
    save_draft(asset_id=asset.pk, title=None, content=edited, actor=Actor.user(dora), now=NOW)
    file.write_text(file.read_text().replace("Sorts letters", "Sorts all letters"))
    with pytest.raises(CommandError, match="dora edited the draft"):
        prompt("import", str(file))
    assert Asset.objects.get().draft == edited
    prompt("import", "--over", str(file))
    assert Asset.objects.get().draft["description"] == "Sorts all letters to a bank."


def test_a_file_that_is_no_prompt_names_the_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("schema: countersign/prompt@1\nname: x\nparts: [{role: tool, text: ''}]\n")
    with pytest.raises(CommandError, match=r"parts\.0\.role"):
        prompt("import", str(path))
    with pytest.raises(CommandError, match="cannot be read"):
        prompt("import", str(tmp_path / "absent.yaml"))
    with pytest.raises(CommandError, match="no prompt"):
        prompt("export", "absent")
    make_prompt()
    with pytest.raises(CommandError, match="no version 4"):
        prompt("export", "triage@4")


def test_tests_of_files_drafts_and_versions_run_and_a_failure_ends_with_1(file: Path) -> None:
    said = prompt("test", str(file), "triage", "triage@1")
    assert said.count("ok: A lost card") == 3
    file.write_text(file.read_text().replace("value: {topic: card}", "value: {topic: other}"))
    with pytest.raises(SystemExit):
        prompt("test", str(file))


def test_a_model_is_asked_under_a_budget_and_its_answers_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Small:
        name = "test-small"

        def language_models(self) -> dict[str, str]:
            return {"small": "1"}

        def chat(self, request: Any) -> ChatAnswer:
            made = Provenance("test-small", request.model, "1", cost=0.25)
            return ChatAnswer('{"topic": "payment"}', (), "stop", made)

    monkeypatch.setattr(language, "_PROVIDERS", {"test-small": Small()})
    make_prompt(publish=False, tests=[{"name": "One"}, {"name": "Two"}])
    with pytest.raises(CommandError, match="--calls"):
        prompt("test", "triage", "--model", "small")
    said = prompt("test", "triage", "--model", "small", "--calls", "1", "--keep")
    assert "ok: One" in said
    assert "not run: Two" in said
    assert "1 calls, cost 0.25" in said
    tests = Asset.objects.get().draft["tests"]
    assert tests[0]["recorded"]["answer"] == {"topic": "payment"}
    assert "recorded" not in tests[1]


def test_the_list_has_names_and_releases() -> None:
    make_prompt()
    make_prompt("other", publish=False)
    assert prompt("list").splitlines() == [
        "triage\tv1\tLetter triage", "other\tnot released\tLetter triage",
    ]  # fmt: skip

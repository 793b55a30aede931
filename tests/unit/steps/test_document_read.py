"""What `document.read` takes, and what it says of files that it cannot read."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from flows.graph.model import Step
from flows.steps import files
from flows.steps.base import Result, StepContext, StepFailure
from flows.steps.document_read import DocumentRead
from flows.steps.files import FileMissing, RunFile
from tests.factories.files import make_pdf, make_zip
from tests.unit.steps.contexts import context


class Files:
    """Files in memory, by their digests."""

    def __init__(self) -> None:
        self.known = {"letter": make_pdf("One", "Two", "Three"), "word": make_zip(["word/a.xml"])}

    def size_of(self, digest: str) -> int:
        return len(self.known[digest])

    def read(self, digest: str) -> RunFile:
        return RunFile(digest, "application/pdf", self.known[digest])

    def copy(self, digest: str, to: Path) -> None:
        if digest not in self.known:
            raise FileMissing(f"There is no artifact {digest}.")
        to.write_bytes(self.known[digest])

    def keep(
        self, content: bytes, *, media_type: str, name: str, now: datetime
    ) -> Mapping[str, Any]:
        self.known[name] = content
        return {"artifact": name, "media_type": media_type, "name": name, "size": len(content)}


@pytest.fixture(autouse=True)
def source() -> Iterator[Files]:
    before, fakes = files.get_file_source(), Files()
    files.register_file_source(fakes)
    yield fakes
    files.register_file_source(before)


def read(ctx: StepContext | None = None, **config: Any) -> Result:
    made = DocumentRead.Config.model_validate({"file": {"artifact": "letter"}, **config})
    return DocumentRead().run(ctx or context(), made)


def test_the_output_is_a_read_document() -> None:
    result = read(pages="1, 3")
    schema = jsonschema_rs.validator_for(dict(DocumentRead().output_schema({})))
    assert schema.is_valid(result.output)
    assert result.output["text"] == "One\nThree"
    assert result.output["artifact"] == {"artifact": "letter"}
    assert result.provenance
    assert result.provenance["pages"] == 2
    assert len(result.provenance["seconds_a_page"]) == 2
    assert result.provenance["engine"] == result.output["engine"]


def test_page_images_are_kept_as_files_of_the_run(source: Files) -> None:
    pages = read(images=True, pages="2").output["pages"]
    assert pages[0]["image"]["name"] == "page-2.jpg"
    assert source.known["page-2.jpg"].startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        ({"file": "none"}, "artifact", "There is no artifact none"),
        ({"file": {}}, "config", "`file` takes references of artifacts"),
        ({"file": "word"}, "unreadable", "Save it as a PDF, and send that"),
        ({"most_pages": 2}, "unreadable", "3 pages; at most 2"),
        ({"pages": "2-1"}, "config", "no page or range of pages"),
    ],
)
def test_what_is_not_read_fails_for_good_and_says_what_to_do(
    config: dict[str, Any], kind: str, words: str
) -> None:
    with pytest.raises(StepFailure, match=words) as failed:
        read(**config)
    assert (failed.value.kind, failed.value.retryable) == (kind, False)


def test_a_draft_is_told_of_pages_that_are_none() -> None:
    step = Step("read", "document.read", config={"file": "${ input.file }", "pages": "1-x"})
    (problem,) = DocumentRead().check(step)
    assert (problem.code, problem.remedy) == (
        "document.pages", "Write numbers and ranges from 1, such as `1-3, 7` or `4-`."
    )  # fmt: skip

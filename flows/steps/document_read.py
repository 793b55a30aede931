"""The step type `document.read`: what stands in a file, and where."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import Field

from flows.documents.choosing import REMEDY as CHOICE_REMEDY
from flows.documents.choosing import ChoiceUnread, read_ranges
from flows.documents.errors import Unreadable
from flows.documents.limits import Limits
from flows.documents.model import ReadDocument
from flows.documents.reading import Cancelled, Reading, ReadOptions, read_document
from flows.documents.rendering import PageImage
from flows.graph.model import Step
from flows.graph.problems import Problem, error
from flows.steps.base import (
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.files import FileMissing, FileSource, get_file_source, read_digest
from flows.steps.registry import register
from workbench.apart.children import TooManyAsk

_LIMITS = Limits()


@register
class DocumentRead(RunningStep):
    name = "document.read"
    title = "Read a document"
    summary = "Reads text, tables and places of a file"
    icon = "scan-text"
    category = "Documents"
    seals_output = True

    class Config(StepConfig):
        file: Json = Field(
            title="File",
            description="The artifact to read: a PDF or an image.",
            examples=["${ input.file }"],
        )
        pages: str = Field(
            "",
            title="Pages",
            description="Such as `1-3, 7`; empty reads all.",
            max_length=200,
            examples=["1-3, 7"],
        )
        engine: Literal["auto", "text", "tesseract", "rapidocr"] = Field(
            "auto",
            title="Engine",
            description="`auto` takes the text of the file, and recognises pages without any; "
            "`text` recognises nothing; `tesseract` and `rapidocr` recognise every page.",
        )
        language: str = Field(
            "",
            title="Language",
            description="Of the pages to recognise, such as `de` or `de+fr`; empty is English. "
            "For tesseract.",
            pattern=r"^([A-Za-z]{2,4}(_[A-Za-z]{2,8})?(\+[A-Za-z]{2,4}(_[A-Za-z]{2,8})?){0,4})?$",
        )
        images: bool = Field(
            False,
            title="Page images",
            description="Keep an image of each page, upright, for cases and models.",
        )
        most_pages: int = Field(
            100, ge=1, le=_LIMITS.most_pages, title="Most pages",
            description="A file with more is refused.",
        )  # fmt: skip
        page_seconds: float = Field(
            _LIMITS.page_seconds, gt=0, le=120, title="Seconds a page",
            description="Opening a page may take so long.",
        )  # fmt: skip

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return ReadDocument.model_json_schema(mode="serialization")

    def describe(self, config: Mapping[str, Json]) -> str:
        pages = text_of(config.get("pages"))
        return f"Pages {pages}" if pages else self.summary

    def check(self, step: Step) -> Sequence[Problem]:
        pages = text_of(step.config.get("pages"))
        if "${" in pages:
            return ()
        try:
            read_ranges(pages)
        except ChoiceUnread as wrong:
            return [error("document.pages", step.id, "with.pages", str(wrong), CHOICE_REMEDY)]
        return ()

    def run(self, ctx: StepContext, config: Config) -> Result:
        digest, source = read_digest(config.file, "file"), get_file_source()
        with TemporaryDirectory(prefix="countersign-document-") as folder:
            path = Path(folder) / "file"
            try:
                source.copy(digest, path)
                reading = _read(ctx, config, path, _make_reference(config.file, digest), source)
            except FileMissing as missing:
                raise StepFailure(str(missing), kind="artifact", retryable=False) from missing
        return _make_result(reading)


def _read(
    ctx: StepContext,
    config: DocumentRead.Config,
    path: Path,
    artifact: dict[str, Json],
    source: FileSource,
) -> Reading:
    """Raises: StepFailure."""

    def keep(page: PageImage) -> dict[str, Json]:
        name = f"page-{page.number}.jpg"
        kept = source.keep(page.read(), media_type=page.media_type, name=name, now=ctx.now)
        return dict(kept)

    try:
        options = ReadOptions(
            engine=config.engine,
            language=config.language,
            ranges=read_ranges(config.pages),
            keep_image=keep if config.images else None,
            limits=Limits(most_pages=config.most_pages, page_seconds=config.page_seconds),
            is_cancelled=ctx.is_cancelled,
        )
        return read_document(path, artifact, options)
    except Unreadable as refused:
        raise StepFailure(
            str(refused), kind="unreadable", retryable=False,
            detail={"code": refused.code, "remedy": refused.remedy},
        ) from refused  # fmt: skip
    except TooManyAsk:
        raise StepFailure("Too many documents are being read.", kind="busy") from None
    except Cancelled:
        raise StepFailure("It was cancelled.", kind="cancelled", retryable=False) from None
    except ChoiceUnread as wrong:
        raise StepFailure(f"{wrong} {CHOICE_REMEDY}", kind="config", retryable=False) from wrong


def _make_reference(given: Any, digest: str) -> dict[str, Json]:
    return dict(given) if isinstance(given, Mapping) else {"artifact": digest}


def _make_result(reading: Reading) -> Result:
    document = reading.document
    return Result(
        output=document.model_dump(mode="json"),
        provenance={
            "engine": document.engine,
            "pages": len(document.pages),
            "seconds_a_page": reading.seconds,
            "latency_ms": round(sum(reading.seconds) * 1000),
        },
    )

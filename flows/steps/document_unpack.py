"""The step type `document.unpack`: an e-mail as its headers, its text and its attachments."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from flows.documents.errors import Unreadable
from flows.documents.filetypes import MAIL
from flows.documents.unpacking import UnpackedMail, unpack_mail
from flows.steps.base import Json, Result, RunningStep, StepConfig, StepContext, StepFailure
from flows.steps.files import FileMissing, get_file_source, read_digest
from flows.steps.registry import register
from workbench.apart.children import TooManyAsk


@register
class DocumentUnpack(RunningStep):
    name = "document.unpack"
    title = "Unpack e-mail"
    summary = "Takes an e-mail apart into text and attachments"
    icon = "mail-check"
    category = "Documents"

    class Config(StepConfig):
        file: Json = Field(
            title="File",
            description="The artifact to take apart: an e-mail, as programs save it in .eml.",
            examples=["${ input.file }"],
        )

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        schema = UnpackedMail.model_json_schema(mode="serialization")
        file = {"artifact": {"type": "string"}, "size": {"type": "integer"}}
        schema["$defs"]["Attachment"]["properties"] |= file
        schema["$defs"]["Attachment"]["required"] += list(file)
        return schema

    def run(self, ctx: StepContext, config: Config) -> Result:
        digest, source = read_digest(config.file, "file"), get_file_source()
        with TemporaryDirectory(prefix="countersign-mail-") as made:
            folder = Path(made)
            try:
                source.copy(digest, folder / "mail")
                mail = unpack_mail(folder / "mail", folder)
            except FileMissing as missing:
                raise StepFailure(str(missing), kind="artifact", retryable=False) from missing
            except Unreadable as refused:
                raise StepFailure(
                    str(refused), kind="unreadable", retryable=False,
                    detail={"code": refused.code, "remedy": refused.remedy},
                ) from refused  # fmt: skip
            except TooManyAsk:
                raise StepFailure("Too many documents are being read.", kind="busy") from None
            output = mail.model_dump(mode="json", by_alias=True)
            for each in output["attachments"]:
                content = (folder / str(each["number"])).read_bytes()
                kept = source.keep(
                    content, media_type=each["media_type"], name=each["name"], now=ctx.now
                )
                each.update(kept)
        return Result(output=output, provenance={"media_type": MAIL})

"""A policy's module as a file that OPA's own tools read."""

from typing import Any, ClassVar

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import AssetProblem, Content, FileFormat

Json = Any


class RegoFile(FileFormat):
    """The Rego module alone. Data and tests stay as the draft has them."""

    name: ClassVar[str] = "rego"
    title: ClassVar[str] = "Rego module"
    media_type: ClassVar[str] = "text/plain"

    def write(self, name: str, title: str, content: Content) -> str:
        if content.get("language") == "cel":
            problem = AssetProblem("format", "It is written in CEL.", "Export it as YAML.")
            raise AssetInvalid([problem])
        return str(content.get("source", ""))

    def read(self, text: str, before: Content) -> dict[str, Json]:
        return {**before, "language": "rego", "source": text}

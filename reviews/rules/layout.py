"""What a case shows, as the flow document declares it.

The models here are the ``show`` part of ``review.case``. Each value may be a template (`${ … }`);
it has been evaluated when a model is built. A rendered layout is the case's snapshot: what the
reviewer saw, kept whole.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reviews.rules.plain_schemas import check_schema
from reviews.rules.words import Words

Json = Any
Key = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Format = Literal["", "money", "number", "percent", "date", "datetime", "boolean", "text"]


class Part(BaseModel):
    """A part of the layout. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, protected_namespaces=())


class ShownField(Part):
    """One value with what is known about where it came from.

    ``key`` names the field in overrides and in the decision's output; a field without one is
    only read. ``schema`` (JSON Schema) checks what a reviewer types over it. ``answer``: it is part
    of the model's answer, which an independent reviewer gets after their first choice.
    """

    key: Key | None = None
    label: str
    value: Json = None
    confidence: Share | None = None
    source: str = ""
    format: Format = ""
    unit: str = ""
    editable: bool = False
    answer: bool = False
    value_schema: dict[str, Json] = Field(default_factory=dict, alias="schema")
    help: str = ""

    @field_validator("value_schema")
    @classmethod
    def is_a_schema(cls, schema: dict[str, Json]) -> dict[str, Json]:
        return check_schema(schema)

    @model_validator(mode="after")
    def editable_has_a_key(self) -> "ShownField":
        if self.editable and not self.key:
            raise ValueError(f"field {self.label!r} is editable: give it a `key`")
        return self


class Box(Part):
    """Where a field's value stands on a page. ``at`` is left, top, width, height as shares of
    the page (0 to 1) from its upper left corner."""

    key: Key
    page: int = Field(default=1, ge=1)
    at: tuple[Share, Share, Share, Share]
    text: str = ""
    confidence: Share | None = None


class ShownDocument(Part):
    """A document beside the values: PDF, image, audio or plain text.

    ``artifact`` is an artifact reference (its digest, or the mapping that names it);
    ``text`` is the fallback and what a screen reader gets. ``words`` is the output of
    `document.read`: the words then can be selected on the image of each page.
    """

    id: Key
    title: str
    artifact: str | dict[str, Json] | None = None
    media_type: str = ""
    text: str = ""
    boxes: list[Box] = Field(default_factory=list)
    words: Words = Field(default_factory=list, description="The output of `document.read`.")


class ShownImage(Part):
    """An image of its own, such as a photo of the damage. ``alt`` says what it shows, for who
    cannot see it; ``artifact`` as ``ShownDocument`` has it."""

    id: Key
    title: str
    artifact: str | dict[str, Json]
    alt: str = Field(min_length=1)


class ShownAudio(Part):
    """A recording. ``text`` is what is said in it, for who cannot hear it."""

    id: Key
    title: str
    artifact: str | dict[str, Json]
    text: str = ""


class Table(Part):
    columns: list[str]
    rows: list[list[Json]] = Field(default_factory=list)


class Reason(Part):
    """What moved the model's answer. Positive contributions speak for ``toward``."""

    label: str
    contribution: float
    value: Json = None
    detail: str = ""


class Flag(Part):
    """What a policy or rule found."""

    label: str
    level: Literal["info", "warning", "critical"] = "warning"
    detail: str = ""


class ReasonCode(Part):
    """A reason a reviewer may give. ``notice`` is what the applicant is told.

    ``rests_on``: the keys of the fields, or the ids of the documents and groups, of which a
    decision for this reason must name one; empty lets it rest on any, or on none.
    """

    code: Key
    label: str
    notice: str = ""
    rests_on: list[Key] = Field(default_factory=list)


class Group(Part):
    """One titled block of the case. It holds exactly one kind of content.

    ``answer``: it is part of the model's answer, as ``ShownField`` has it.
    """

    title: str
    id: Key | None = None
    folded: bool = False
    answer: bool = False
    fields: list[ShownField] | None = None
    documents: list[ShownDocument] | None = None
    images: list[ShownImage] | None = None
    audio: list[ShownAudio] | None = None
    text: str | None = None
    table: Table | None = None
    reasons: list[Reason] | None = None
    flags: list[Flag] | None = None
    data: Json = Field(default=None, alias="json")

    @model_validator(mode="after")
    def one_kind(self) -> "Group":
        given = [kind for kind in GROUP_KINDS if getattr(self, kind) is not None]
        if len(given) > 1:
            names = " and ".join("json" if kind == "data" else kind for kind in given)
            raise ValueError(f"group {self.title!r} has {names}: make a group of each")
        return self

    @property
    def kind(self) -> str:
        """The kind of content; a group whose value is null is an empty ``json``."""
        return next((kind for kind in GROUP_KINDS if getattr(self, kind) is not None), "data")


FILE_KINDS = ("documents", "images", "audio")
GROUP_KINDS = ("fields", *FILE_KINDS, "text", "table", "reasons", "flags", "data")

"""What is looked for in a document: fields, each with its type and the way in which it is found."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flows.documents.extraction.patterns import compile_pattern
from flows.documents.extraction.typed import LOCALES, ValueType

Key = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
Source = Literal["anchor", "pattern", "table", "model", "person"]
MOST_FIELDS = 100


class FieldRule(BaseModel):
    """A field. ``by`` says how it is found; the other ways' settings are not used then."""

    model_config = ConfigDict(extra="forbid")

    key: Key = Field(title="Key", description="How expressions call it.", examples=["total"])
    label: str = Field(
        "", title="Label", description="How a case calls it.", max_length=120, examples=["Total"]
    )
    type: ValueType = Field(
        "text",
        title="Type",
        description="code: letters and digits without spaces, such as an IBAN. amount: a number "
        "that may have a currency beside it.",
    )
    required: bool = Field(False, title="Required", description="A flag says that it is missing.")
    by: Literal["anchor", "pattern", "table", "model"] = Field(
        "anchor",
        title="Found by",
        description="anchor: beside or below its label. pattern: by its form. table: in a column. "
        "model: a language model says where it stands.",
    )
    anchors: list[Annotated[str, Field(min_length=2, max_length=120)]] = Field(
        default_factory=list,
        max_length=20,
        title="Anchors",
        description="The texts that may stand before it; a few wrong letters do no harm.",
        examples=[["Total", "Amount due"]],
    )
    where: Literal["either", "right", "below"] = Field(
        "either", title="Where", description="Where it stands from its anchor."
    )
    pattern: str = Field(
        "",
        max_length=500,
        title="Pattern",
        description="A regular expression that the whole value fits, by itself or at its anchor.",
        examples=["INV-[0-9]{4,8}"],
    )
    column: str = Field("", max_length=120, title="Column", description="The head of the column.")
    row: str = Field(
        "",
        max_length=120,
        title="Row",
        description="How the row begins. Without it, the value is the list of all rows.",
    )
    hint: str = Field("", max_length=500, title="Hint", description="For the model: what is meant.")
    unit: str = Field("", max_length=20, title="Unit", description="Shown in a case.")

    @field_validator("pattern")
    @classmethod
    def is_a_pattern(cls, pattern: str) -> str:
        if pattern:
            compile_pattern(pattern)
        return pattern

    @model_validator(mode="after")
    def need_what_is_used(self) -> "FieldRule":
        missing = {"anchor": not self.anchors, "pattern": not self.pattern,
                   "table": not self.column}  # fmt: skip
        if missing.get(self.by):
            name = {"anchor": "anchors", "table": "column"}.get(self.by, self.by)
            raise ValueError(f"the field {self.key} is found by {self.by}: give it `{name}`")
        return self

    @property
    def name(self) -> str:
        """The label, or the key in words."""
        return self.label or self.key.replace("_", " ").capitalize()


def check_locale(locale: str) -> str:
    """Return the locale. Raises: ValueError for one that is not known."""
    if locale not in LOCALES:
        raise ValueError(f"use one of {', '.join(LOCALES)}")
    return locale

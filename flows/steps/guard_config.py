"""What a guard says: the value that it checks, and the rules that it checks it against."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from flows.steps.base import Json, StepConfig

RuleName = Literal[
    "schema", "list", "personal", "secrets", "injection", "leak", "extraction", "language",
    "quality", "contract",
]  # fmt: skip
PersonalKind = Literal["email", "phone", "iban", "card", "national_id", "birth_date", "ip"]
# The fields that belong to one rule, and must not stand with another.
FIELDS_OF = {
    "only": "personal", "regions": "personal", "fields": "personal",
    "list_": "list", "list_is": "list", "schema_": "schema", "prompt": "leak", "text": "leak",
    "languages": "language", "most_records": "extraction", "most_personal": "extraction",
    "shortest": "quality", "longest": "quality", "contract": "contract",
}  # fmt: skip
# What a rule cannot do without: one of these fields.
NEEDS = {
    "list": ("list_",), "schema": ("schema_",), "leak": ("prompt", "text"),
    "language": ("languages",), "contract": ("contract",),
}  # fmt: skip
# These tell where in a text it stands, so that it can be replaced.
REPLACEABLE = frozenset({"list", "personal", "secrets", "injection", "leak"})
REPLACING = frozenset({"mask", "tokens"})


class RuleConfig(StepConfig):
    """A rule. Beside its threshold and level it has the fields that belong to it."""

    rule: RuleName = Field(title="Rule", description="What is looked for.", examples=["personal"])
    at_least: float = Field(
        0.5, ge=0, le=1, title="Score of at least", description="What scores lower is not told."
    )
    level: Literal["info", "warning", "critical"] = Field(
        "warning",
        title="Level",
        description="How the case shows it. A finding of the level info does not flag the value.",
    )
    then: Literal["flag", "mask", "tokens", "stop"] = Field(
        "flag",
        title="Then",
        description="Only flag it; replace it for good by a mask, as [Phone]; replace it by a "
        "token, which people with the right to it can turn back; or stop: the step fails.",
    )
    only: list[PersonalKind] = Field(
        default_factory=list, title="Kinds", description="Personal data to look for; none for all."
    )
    regions: list[str] = Field(
        default_factory=list,
        max_length=8,
        title="Regions of phone numbers",
        description="Countries whose numbers are known without +, as two letters.",
        examples=[["DE", "FR"]],
    )
    fields: list[str] = Field(
        default_factory=list,
        max_length=50,
        title="Fields with personal data",
        description="Names of fields that hold a name or an address, which have no form to find "
        "them by. Their values are found elsewhere in the value too.",
        examples=[["name", "address"]],
    )
    list_: str = Field(
        "", alias="list", title="List", description="The name of a list.", examples=["blocked"]
    )
    list_is: Literal["deny", "allow"] = Field(
        "deny", title="The list", description="Refuses what is in it, or all that is not."
    )
    schema_: dict[str, Json] = Field(
        default_factory=dict,
        alias="schema",
        title="Schema",
        description="The JSON Schema that the value must fit.",
    )
    prompt: str = Field(
        "", title="Prompt", description="The name of the prompt that must not be given away."
    )
    text: str = Field(
        "",
        max_length=200_000,
        title="Text",
        description="A text that must not be given away, beside the prompt or instead of it.",
    )
    languages: list[str] = Field(
        default_factory=list,
        max_length=20,
        title="Languages",
        description="The languages that a text may have, as two letters.",
        examples=[["en", "de"]],
    )
    most_records: int = Field(20, ge=0, title="Records at most")
    most_personal: int = Field(10, ge=0, title="Different personal data at most")
    shortest: int = Field(1, ge=0, title="Characters at least")
    longest: int = Field(0, ge=0, title="Characters at most", description="0 is no limit.")
    contract: str = Field(
        "", title="Contract", description="The name of a contract.", examples=["credit-score"]
    )

    @field_validator("regions", "languages")
    @classmethod
    def are_codes(cls, codes: list[str]) -> list[str]:
        for code in codes:
            if len(code) != 2 or not (code.isascii() and code.isalpha()):  # noqa: PLR2004
                raise ValueError(f"{code!r} is no code of two letters")
        return codes

    @model_validator(mode="after")
    def fits_its_rule(self) -> "RuleConfig":
        for name in self.model_fields_set & FIELDS_OF.keys():
            if FIELDS_OF[name] != self.rule:
                raise ValueError(
                    f"`{name.rstrip('_')}` belongs to the rule {FIELDS_OF[name]}: leave it out"
                )
        needed = NEEDS.get(self.rule, ())
        if needed and not any(getattr(self, name) for name in needed):
            raise ValueError(f"the rule {self.rule} needs `{needed[0].rstrip('_')}`")
        if self.then in REPLACING and self.rule not in REPLACEABLE:
            raise ValueError(
                f"what the rule {self.rule} finds cannot be replaced: leave out `then`"
            )
        if self.then in REPLACING and self.rule == "list" and self.list_is == "allow":
            raise ValueError("what is missing in a list cannot be replaced: leave out `then`")
        return self


class GuardConfig(StepConfig):
    check: Json = Field(
        title="Check", description="The value to check: any JSON.", examples=["${ input }"]
    )
    against: list[RuleConfig] = Field(
        min_length=1, max_length=30, title="Against", description="All of these rules are tried."
    )

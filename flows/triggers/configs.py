"""The configuration of each kind of trigger."""

from collections.abc import Mapping
from typing import Any, Literal

from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from flows.engine.lanes import Lane
from flows.expressions import ExpressionError, compile_expression, compile_template
from flows.services.errors import ServiceError
from flows.triggers.models import TriggerKind
from flows.triggers.schedules import Schedule, ScheduleInvalid

Json = Any
# The cron library reads a sixth field as seconds, and would fire each second of a minute.
FIELDS_WITH_SECONDS = 6


class TriggerInvalid(ServiceError):
    """The trigger cannot be saved. ``field`` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, "Correct it and save again.")
        self.field = field


class TriggerConfig(BaseModel):
    """What all kinds have: the lane of the runs they start, None for the flow's."""

    model_config = ConfigDict(extra="forbid")
    lane: Lane | None = None


class WebhookConfig(TriggerConfig):
    max_bytes: int = Field(256 * 1024, ge=1, le=4 * 1024 * 1024)


class ScheduleConfig(TriggerConfig):
    cron: str = Field(min_length=1, max_length=200)
    zone: str = Field("UTC", max_length=60)
    missed: Literal["skip", "once", "all"] = "skip"
    most: int = Field(10, ge=1, le=1000)

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.cron, self.zone, self.missed, self.most)


class EventConfig(TriggerConfig):
    event: str = Field(min_length=1, max_length=120)
    filter: str = Field("", max_length=2000)

    @field_validator("filter")
    @classmethod
    def filter_compiles(cls, source: str) -> str:
        if source:
            try:
                compile_expression(source, result=bool)
            except ExpressionError as error:
                raise ValueError(str(error)) from error
        return source


class FlowConfig(TriggerConfig):
    flow: str = Field(min_length=1, max_length=80)
    on: list[Literal["completed", "failed", "cancelled"]] = Field(["completed"], min_length=1)
    outcome: str = Field("", max_length=80)

    @model_validator(mode="after")
    def outcome_needs_completion(self) -> "FlowConfig":
        if self.outcome and self.on != ["completed"]:
            raise ValueError("only a completed run has an outcome")
        return self


_BY_KIND: Mapping[str, type[TriggerConfig]] = {
    TriggerKind.WEBHOOK: WebhookConfig,
    TriggerKind.SCHEDULE: ScheduleConfig,
    TriggerKind.EVENT: EventConfig,
    TriggerKind.FLOW: FlowConfig,
}


def read_config(kind: str, given: Json) -> Any:
    """Return the configuration as an object of its kind. Raises: TriggerInvalid."""
    if kind not in _BY_KIND:
        raise TriggerInvalid("kind", f"There is no trigger of kind {kind!r}.")
    try:
        config = _BY_KIND[kind].model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "config"
        raise TriggerInvalid(where, f"{where}: {first['msg']}.") from error
    if isinstance(config, ScheduleConfig):
        check_schedule(config)
    return config


def check_schedule(config: ScheduleConfig) -> None:
    """Check that the schedule has a next instant. Raises: TriggerInvalid."""
    if (found := len(config.cron.split())) == FIELDS_WITH_SECONDS:
        raise TriggerInvalid(
            "cron",
            f"{config.cron!r} has {found} fields, and there is none for seconds. Write minute,"
            " hour, day, month and weekday, such as `0 7 * * 1-5`.",
        )
    try:
        config.schedule.after(timezone.now())
    except ScheduleInvalid as error:
        field = "zone" if "zone" in str(error) else "cron"
        raise TriggerInvalid(field, str(error)) from error


def check_input(template: Json) -> None:
    """Check that the template refers to nothing but ``input``. Raises: TriggerInvalid."""
    try:
        compiled = compile_template(template)
    except ExpressionError as error:
        raise TriggerInvalid("input", str(error)) from error
    for placed in compiled.expressions:
        if names := {path[0] for path in placed.expression.paths} - {"input"}:
            raise TriggerInvalid("input", f"{sorted(names)[0]} is not known here; only `input` is.")

"""The step type `http.request`: call a service."""

from collections.abc import Mapping
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from flows.steps.base import Json, Result, RunningStep, StepConfig, StepContext, text_of
from flows.steps.destinations import host_and_port
from flows.steps.outgoing import Outgoing, send
from flows.steps.registry import register

Scalar = str | int | float | bool
# The client sets these: a flow that did could reach another host behind the same address.
RESERVED_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


@register
class HttpRequest(RunningStep):
    name = "http.request"
    title = "HTTP request"
    summary = "Calls a service"
    icon = "globe"
    category = "Services"
    effects: ClassVar[bool] = True
    may_hold_secrets: ClassVar[tuple[str, ...]] = ("headers", "query", "body")

    class Config(StepConfig):
        url: str = Field(
            title="Address",
            description="Must be allowed by the setting OUTGOING_ALLOWLIST.",
            examples=["https://api.example.com/v1/checks"],
        )
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = Field(
            default="GET", title="Method"
        )
        query: dict[str, Scalar | list[Scalar]] = Field(
            default_factory=dict, title="Query", description="Added to the address, encoded."
        )
        headers: dict[str, str] = Field(
            default_factory=dict,
            title="Headers",
            description="Idempotency-Key is sent by itself and is the same for each attempt.",
            examples=[{"Accept": "application/json"}],
        )
        body: Json = Field(
            default=None,
            title="Body",
            description="A text is sent as it is, anything else as JSON.",
            examples=[{"amount": "${ input.amount }"}],
        )
        timeout_seconds: float = Field(
            default=30,
            gt=0,
            le=600,
            title="Timeout in seconds",
            description="For connecting, waiting and reading together.",
        )
        max_bytes: int = Field(
            default=1024 * 1024, ge=1, le=4 * 1024 * 1024, title="Largest answer in bytes"
        )
        accept_statuses: list[int] = Field(
            default_factory=list,
            title="Also accept",
            description="Statuses beside 2xx that are an answer and no failure.",
            examples=[[404]],
        )

        @field_validator("headers")
        @classmethod
        def refuse_reserved_headers(cls, headers: dict[str, str]) -> dict[str, str]:
            if taken := [name for name in headers if name.lower() in RESERVED_HEADERS]:
                raise ValueError(f"{', '.join(taken)} is set by the client: remove it")
            return headers

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {
                "status": {"type": "integer"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "body": {},
            },
            "required": ["status", "headers", "body"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        url = text_of(config.get("url"))
        try:
            host = urlsplit(url).netloc.rpartition("@")[2] or url
        except ValueError:
            host = url
        return f"{text_of(config.get('method')) or 'GET'} {host}" if url else "Choose an address"

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        return config.get("method", "GET") not in {"GET", "HEAD"}

    def destination(self, config: Config) -> str | None:
        return host_and_port(config.url)

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Send the request and return status, headers and body.

        Raises: StepFailure of kind refused, timeout, connection, http, redirect or too_large.
        """
        given = {name.lower() for name in config.headers}
        own = {} if "idempotency-key" in given else {"Idempotency-Key": ctx.idempotency_key}
        answer = send(
            Outgoing(
                method=config.method,
                url=config.url,
                headers={**own, **config.headers},
                query=config.query,
                body=config.body,
                timeout_seconds=config.timeout_seconds,
                max_bytes=config.max_bytes,
                accept_statuses=frozenset(config.accept_statuses),
            ),
            ctx.now,
        )
        return Result(
            output={"status": answer.status, "headers": answer.headers, "body": answer.body},
            provenance={
                "service": urlsplit(config.url).netloc,
                "status": answer.status,
                "latency_ms": answer.latency_ms,
            },
        )

"""The functions that the consumer loan flow calls. STEP_MODULES allows this module."""

import hashlib
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from examples.consumer_loan import documents as papers
from examples.consumer_loan import rules, scorecard
from flows.documents.showing import show_document
from flows.runtime.artifacts import store_artifact
from flows.steps.base import StepContext, StepFailure
from flows.steps.python import step

# Registers the model `scorecard`, so that `model.infer` finds it.
scorecard.load()

Amount = Annotated[float, Field(gt=0, le=1_000_000)]


@with_config(ConfigDict(extra="allow"))
class Application(TypedDict):
    """The values that rules and documents read. The scorecard reads others too."""

    amount: Amount
    duration_months: Annotated[int, Field(ge=1, le=120)]
    purpose: str
    checking_account: str
    savings: str
    employed_since: str
    housing: Literal["rent", "own", "free"]
    existing_credits: Annotated[int, Field(ge=0)]
    dependants: Annotated[int, Field(ge=0)]
    job: str
    telephone: bool
    applicant: NotRequired[str]
    net_income: NotRequired[float | None]
    employer: NotRequired[str | None]
    # What the generated payslip says, if a demonstration wants it to contradict the application.
    paper: NotRequired[dict[str, Any] | None]


@with_config(ConfigDict(extra="ignore"))
class Correction(TypedDict):
    """A field that a reviewer changed."""

    field: str
    new: Any


class Prepared(TypedDict):
    """``stated`` is what the applicant said, ``application`` the same as it was corrected."""

    stated: dict[str, Any]
    application: dict[str, Any]
    corrections: list[Correction]
    corrected: list[str]


class Intake(TypedDict):
    """``documents`` are as a case shows them; ``fields`` is everything that was read on them.

    What could not be read is None or empty, with the confidence 0.
    """

    documents: list[dict[str, Any]]
    fields: list[dict[str, Any]]
    net_income: float | None
    net_income_confidence: float
    employer: str
    employer_confidence: float


class Affordability(TypedDict):
    """``left_over`` is what the household has left each month, in DM; None without an income."""

    instalment: float
    left_over: float | None
    affordable: bool
    flags: list[rules.Flag]


class Fraud(TypedDict):
    flags: list[rules.Flag]
    critical: bool


CORRECTABLE = {"amount", "duration_months", "net_income", "employer", "housing"}


@step
def prepare(application: dict[str, Any], corrections: list[Correction]) -> Prepared:
    """Complete the application as it was stated, and beside it as reviewers corrected it."""
    changes = {each["field"]: each["new"] for each in corrections}
    unknown = sorted(set(changes) - CORRECTABLE)
    if unknown:
        raise StepFailure(
            f"{', '.join(unknown)} cannot be corrected: use {', '.join(sorted(CORRECTABLE))}.",
            kind="contract",
            retryable=False,
        )
    merged = {"applicant": "Applicant", "net_income": None, "employer": None, **application}
    merged.setdefault("email", "applicant@applicants.example")
    # No later step may see the protected attributes.
    merged.pop("protected", None)
    return Prepared(
        stated=merged,
        application=merged | changes,
        corrections=corrections,
        corrected=sorted(changes),
    )


def _preview(application: Application, ctx: StepContext) -> Intake:
    """Draw and read the documents without storing them, for tests and previews."""
    return _read_documents(
        application, lambda content, *_: {"artifact": hashlib.sha256(content).hexdigest()}
    )


@step(effects=True, stand_in=_preview)
def documents(application: Application, ctx: StepContext) -> Intake:
    """Make the documents that an applicant would hand in, and read the values on them."""

    def keep(content: bytes, media_type: str, name: str) -> dict[str, Any]:
        return store_artifact(content=content, media_type=media_type, name=name, now=ctx.now)

    return _read_documents(application, keep)


def _read_documents(application: Application, keep: papers.Keep) -> Intake:
    applicant = str(application.get("applicant") or "Applicant")
    paper = _payslip_text(applicant, application)
    slip = papers.payslip(applicant, paper)
    if paper["scanned"] and papers.is_ocr_installed():
        slip = papers.hand_in_scan(slip, applicant)
    shown, found = [], []
    for drawn in (slip, papers.application_form(applicant, application)):
        document, fields = papers.read(drawn, keep)
        shown.append(show_document(drawn.id, drawn.title, document, fields))
        found += [{"document": drawn.id, **each.as_json()} for each in fields]
    by_key = {each["key"]: each for each in found}
    income, employer = by_key["net_income"], by_key["employer"]
    return Intake(
        documents=shown,
        fields=found,
        net_income=income["value"],
        net_income_confidence=income["confidence"],
        employer=employer["value"] or "",
        employer_confidence=employer["confidence"],
    )


@step
def affordability(application: Application) -> Affordability:
    """Return whether the household can afford the instalment."""
    instalment = rules.monthly_instalment(application["amount"], application["duration_months"])
    income = application.get("net_income")
    left = None
    if income is not None:
        left = rules.left_over(
            float(income),
            instalment,
            application["housing"],
            application["dependants"],
            application["existing_credits"],
        )
    flags = rules.affordability_flags(application, instalment, left)
    return Affordability(
        instalment=instalment, left_over=left, affordable=left is None or left >= 0, flags=flags
    )


@step
def fraud(application: Application, net_income: float | None, employer: str) -> Fraud:
    """Look for contradictions in the application and between it and its documents."""
    read = {"net_income": net_income, "employer": employer}
    flags = rules.fraud_flags(application, read)
    return Fraud(flags=flags, critical=any(flag["level"] == "critical" for flag in flags))


def _payslip_text(applicant: str, application: Application) -> dict[str, Any]:
    """Return what the payslip says: what was stated, unless ``paper`` contradicts it."""
    usual = {"highly_skilled": 4300, "skilled": 2900}.get(application["job"], 2100)
    spread = hashlib.sha256(applicant.encode()).digest()[0] / 255
    stated = application.get("net_income") or round(usual * (0.85 + 0.3 * spread), 2)
    unemployed = application["employed_since"] == "unemployed"
    employer = application.get("employer") or (
        "Employment office" if unemployed else "Employer not stated"
    )
    paper = application.get("paper") or {}
    return {
        "net_income": float(paper.get("net_income", stated)),
        "employer": str(paper.get("employer", employer)),
        "scanned": bool(paper.get("scanned")),
        "month": "December 2025",
    }

"""Reads of flows, runs and the machinery that drives them. Each says how many queries it makes."""

from flows.selectors.artifacts import get_artifact, run_artifacts
from flows.selectors.callers import get_caller
from flows.selectors.comparison import compare_with_last_success
from flows.selectors.flows import (
    flow_stats,
    get_flow,
    get_version,
    list_flows,
    list_versions,
    released_document,
)
from flows.selectors.provenance import models_used
from flows.selectors.runs import RunFilters, RunPage, RunRow, count_runs, get_run, list_runs
from flows.selectors.steps import get_journal, get_step_run, run_status, run_timeline, step_outputs

__all__ = [
    "RunFilters",
    "RunPage",
    "RunRow",
    "compare_with_last_success",
    "count_runs",
    "flow_stats",
    "get_artifact",
    "get_caller",
    "get_flow",
    "get_journal",
    "get_run",
    "get_step_run",
    "get_version",
    "list_flows",
    "list_runs",
    "list_versions",
    "models_used",
    "released_document",
    "run_artifacts",
    "run_status",
    "run_timeline",
    "step_outputs",
]

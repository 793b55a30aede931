"""Reads of flows and runs. Each says how many queries it makes."""

from flows.selectors.artifacts import (
    find_artifact_of_run,
    get_artifact,
    list_run_artifacts,
)
from flows.selectors.callers import get_caller
from flows.selectors.comparison import compare_with_last_success
from flows.selectors.costs import get_flow_cost, get_run_cost
from flows.selectors.flows import (
    count_recent_runs,
    get_flow,
    get_version,
    list_flows,
    list_versions,
)
from flows.selectors.journal import get_journal, get_step_outputs
from flows.selectors.lineage import list_runs_before
from flows.selectors.provenance import MadeBy, list_made_by
from flows.selectors.run_counts import count_runs
from flows.selectors.run_filters import RunFilters
from flows.selectors.run_status import get_run_status
from flows.selectors.runs import RunPage, RunRow, get_run, get_run_row, list_runs
from flows.selectors.step_detail import get_step_run
from flows.selectors.timeline import list_step_runs

__all__ = [
    "MadeBy",
    "RunFilters",
    "RunPage",
    "RunRow",
    "compare_with_last_success",
    "count_recent_runs",
    "count_runs",
    "find_artifact_of_run",
    "get_artifact",
    "get_caller",
    "get_flow",
    "get_flow_cost",
    "get_journal",
    "get_run",
    "get_run_cost",
    "get_run_row",
    "get_run_status",
    "get_step_outputs",
    "get_step_run",
    "get_version",
    "list_flows",
    "list_made_by",
    "list_run_artifacts",
    "list_runs",
    "list_runs_before",
    "list_step_runs",
    "list_versions",
]

from django.apps import AppConfig

ACTIONS = {
    "flow.created": "Created the flow {title}",
    "flow.draft_replaced": "Replaced the draft, which is now at revision {revision}",
    "backtest.started": "Began to play {runs} runs against the draft",
    "backtest.stopped": "Stopped backtest {backtest}",
    "event.sent": "Sent the event {name} with the key {key}",
    "artifact.stored": "Uploaded {name}, {size} bytes",
    "flow.published": "Published version {version}: {note}",
    "flow.released": "Released version {version}",
    "flow.rolled_back": "Rolled back from version {before} to {version}",
    "run.started": "Started a run of {flow} version {version}",
    "run.output_sealed": "Sealed the output of {step}",
    "run.cancelled": "Cancelled the run: {reason}",
    "run.retried": "Retried the run from where it failed",
    "run.rerun": "Ran {of} again from {step}",
    "run.migrated": "Moved the run from version {before} to {version}",
    "run.moved": "Moved the run from lane {before} to {lane}",
    "runs.bulk_act": "Began to {act} {matched} runs",
    "runs.bulk_stopped": "Stopped it before it had reached every run",
    "flow.paused": "Paused the flow and its runs",
    "flow.resumed": "Resumed the flow and its runs",
    "run.paused": "Paused the run",
    "run.resumed": "Resumed the run",
    "value.unmasked": "Turned back {token}: {reason}",
    "values.deleted": "Deleted the originals of {count} masked values",
    "policy.refused": "{reason}",
    "jobs.revived": "Had {messages} undeliverable messages tried again",
    "set_aside.retried": "Had the clock try {key} again, which failed: {cause}",
}


class FlowsConfig(AppConfig):
    name = "flows"
    verbose_name = "Flows and runs"

    def ready(self) -> None:
        from flows.agents import steps as agent_steps  # noqa: F401 - registers step types
        from flows.calls import steps as call_steps  # noqa: F401 - registers step types
        from flows.events import steps as event_steps  # noqa: F401 - registers step types
        from flows.events import stream  # noqa: F401 - registers a task of the clock
        from flows.frame import register_frame
        from flows.runtime import (  # noqa: F401 - register files, the clock's tasks, originals
            artifacts,
            clock,
            masked_values,
        )
        from flows.services import pieces  # noqa: F401 - registers a task of the clock
        from flows.services.ledger_check import check_releases, check_versions
        from flows.services.sealed_check import check_outputs
        from flows.steps import types  # noqa: F401 - registers the step types
        from workbench.audit.actions import register_action
        from workbench.audit.records import register_check

        for name, sentence in ACTIONS.items():
            register_action(name, sentence)
        register_check("flow versions", check_versions)
        register_check("flow releases", check_releases)
        register_check("step outputs", check_outputs)
        register_frame()

from django.apps import AppConfig
from django.db.models.signals import post_migrate

ACTIONS = {
    "queue.created": "Created the queue {title}",
    "sla_policy.created": "Created the SLA policy {title}",
    "case.opened": "Opened: {title}",
    "case.claimed": "Claimed",
    "case.released": "Given back to the queue",
    "case.lease_expired": "The claim of {holder} ran out",
    "case.assigned": "Assigned to {to}",
    "case.decided": "Decided: {outcome} by {kind}",
    "case.approval_counted": "Approved; {missing} more needed",
    "case.field_overridden": "Changed {field} from {old} to {new}",
    "case.decision_withdrawn": "Took the decision back",
    "case.act_refused": "Refused to {act}: {reason}",
    "view.saved": "Shared the view {name} of the queue {queue}",
    "view.deleted": "Removed the shared view {name} of the queue {queue}",
    "case.decision_refused": "The decision did not take effect: {reason}",
    "case.expired": "Expired: nobody decided in time",
    "case.reopened": "Reopened as run {run}: {reason}",
    "case.cancelled": "Cancelled: the run no longer waits",
    "case.commented": "Commented",
    "case.information_requested": "Asked: {question}",
    "case.information_received": "Answered: {answer}",
    "case.escalated": "Escalated to level {level}",
    "case.sla_warned": "Marked as due soon",
    "case.sla_reminded": "Reminder sent to {to}",
    "case.sla_breached": "Overdue: {action}",
    "case.moved": "Passed from {from} to the queue {to}",
    "queue.changed": "Changed the queue {title}",
    "sla_policy.changed": "Changed the SLA policy {title}",
    "calendar.created": "Created the calendar {name}",
    "calendar.changed": "Changed the calendar {name}",
    "case.first_choice_recorded": "Chose {outcome} before the model's answer was shown",
    "quality.check_opened": "Opened as a check ({kind}) of {source}",
    "quality.check_settled": "Check {result}: {outcome}, expected {expected}",
    "quality.check_closed": "Closed the disagreement: {note}",
    "quality.queue_policy_changed": "Changed the quality policy",
    "quality.sampling_policy_changed": "Changed the sampling of {flow} to {percent} %",
    "quality.calibration_fitted": "Fitted calibration {number} of {model} to {decisions} decisions",
    "quality.known_answer_added": "Made case {case} a known answer: {outcome}",
    "quality.known_answer_retired": "Retired the known answer of case {case}",
    "dataset.created": "Exported {count} decisions as dataset {name}, version {number}",
    "dataset.downloaded": "Downloaded dataset {name}, version {number}, as {format}",
}


class ReviewsConfig(AppConfig):
    name = "reviews"

    def ready(self) -> None:
        import reviews.checkpoint.step
        import reviews.outside.tell  # noqa: F401 - registers checkpoint.tell
        from flows.assets.examples import register_example_source
        from reviews.entry_facts import register_facts
        from reviews.frame import register_frame
        from reviews.live import may_hear_case, may_hear_queue
        from reviews.models import DatasetVersion
        from reviews.quality.examples import DecidedCases
        from reviews.selectors.titles import ensure_title_index
        from reviews.services.ledger_check import check_decisions
        from reviews.services.shown_check import check_shown
        from workbench.audit.records import register_check
        from workbench.audit.services import register_action
        from workbench.files.rewriting import register_stored
        from workbench.live import register_live_authoriser

        register_stored(DatasetVersion)
        for action, sentence in ACTIONS.items():
            register_action(action, sentence)
        register_check("decisions", check_decisions)
        register_check("shown", check_shown)
        register_live_authoriser("queue", may_hear_queue)
        register_live_authoriser("case", may_hear_case)
        register_frame()
        register_facts()
        register_example_source(DecidedCases())
        post_migrate.connect(ensure_title_index, sender=self)

from django.apps import AppConfig

ACTIONS = {
    "flow.rule_changed": "Publishing {what} a second person",
    "flow.publish_requested": "Asked to publish revision {revision}: {note}",
    "flow.publish_refused": "Refused to publish revision {revision}: {reason}",
    "flow.publish_withdrawn": "Withdrew the request to publish revision {revision}",
}


class PublishingConfig(AppConfig):
    name = "flows.publishing"
    label = "publishing"

    def ready(self) -> None:
        from workbench.audit.actions import register_action

        for name, sentence in ACTIONS.items():
            register_action(name, sentence)

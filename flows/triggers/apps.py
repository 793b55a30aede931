from django.apps import AppConfig

ACTIONS = {
    "trigger.created": "Added the {kind} trigger {title}",
    "trigger.changed": "Changed the {kind} trigger {title}",
    "trigger.enabled": "Turned on the {kind} trigger {title}",
    "trigger.disabled": "Turned off the {kind} trigger {title}",
    "trigger.deleted": "Removed the {kind} trigger {title}",
}


class TriggersConfig(AppConfig):
    name = "flows.triggers"
    label = "triggers"

    def ready(self) -> None:
        from flows.runtime.hearing import register_end_listener, register_event_listener
        from flows.triggers import clock, jobs  # noqa: F401 - register tasks and jobs
        from flows.triggers.listening import starts_at_end_of, starts_at_event
        from workbench.audit.actions import register_action

        register_end_listener(starts_at_end_of)
        register_event_listener(starts_at_event)
        for name, sentence in ACTIONS.items():
            register_action(name, sentence)

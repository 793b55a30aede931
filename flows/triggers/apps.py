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
        from flows.triggers import clock, jobs, stream  # noqa: F401 - register tasks and jobs
        from workbench.audit.actions import register_action

        for name, sentence in ACTIONS.items():
            register_action(name, sentence)

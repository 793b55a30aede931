from django.apps import AppConfig

ACTIONS = {
    "breaker.reset": "Closed the breaker of {destination} by hand",
}


class ResilienceConfig(AppConfig):
    name = "flows.resilience"
    label = "resilience"
    verbose_name = "Breakers and limits"

    def ready(self) -> None:
        from workbench.audit.actions import register_action

        for name, sentence in ACTIONS.items():
            register_action(name, sentence)

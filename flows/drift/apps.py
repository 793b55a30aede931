from django.apps import AppConfig


class DriftConfig(AppConfig):
    name = "flows.drift"
    label = "drift"
    verbose_name = "Drift of step outputs"

    def ready(self) -> None:
        from flows.drift import clock  # noqa: F401 - registers its task
        from workbench.shell.registry import Tab, register_tab

        words = "drift quality psi ks contract missing null"
        register_tab(Tab("insights", "Data", "flows:drift", "insights.view", 45, words))

from django.apps import AppConfig


class ProcessConfig(AppConfig):
    name = "workbench.process"

    def ready(self) -> None:
        # Registers its checks.
        from workbench.process import checks  # noqa: F401

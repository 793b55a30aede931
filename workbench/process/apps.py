from django.apps import AppConfig


class ProcessConfig(AppConfig):
    name = "workbench.process"

    def ready(self) -> None:
        # The checks register themselves.
        from workbench.process import checks, packages  # noqa: F401

        packages.load()

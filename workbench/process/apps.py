from django.apps import AppConfig


class ProcessConfig(AppConfig):
    name = "workbench.process"

    def ready(self) -> None:
        from workbench.process import packages

        packages.load()

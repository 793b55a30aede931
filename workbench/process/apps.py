from django.apps import AppConfig

from workbench.process.refusal_log import log_refusals_in_one_line


class ProcessConfig(AppConfig):
    name = "workbench.process"

    def ready(self) -> None:
        # Registers its checks.
        from workbench.process import checks  # noqa: F401

        log_refusals_in_one_line()

from django.apps import AppConfig

from workbench.process.refusal_log import log_refusals_in_one_line


class ProcessConfig(AppConfig):
    name = "workbench.process"

    def ready(self) -> None:
        # The checks register themselves.
        from workbench.process import checks, packages  # noqa: F401

        log_refusals_in_one_line()
        packages.load()

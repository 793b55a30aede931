from django.apps import AppConfig

from workbench.process.refusal_log import log_refusals_in_one_line


class ProcessConfig(AppConfig):
    name = "workbench.process"

    def ready(self) -> None:
        # The checks register themselves.
        from workbench.files import checks as file_checks  # noqa: F401
        from workbench.process import checks, packages  # noqa: F401

        log_refusals_in_one_line()
        packages.load()

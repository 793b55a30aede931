from django.apps import AppConfig

from workbench.shell import checks  # noqa: F401 - registers itself
from workbench.shell.registry import Command, register_command


class ShellConfig(AppConfig):
    name = "workbench.shell"

    def ready(self) -> None:
        register_command(
            Command("Preferences", "shell:preferences", "settings-2", None, "theme time zone dark")
        )
        register_command(
            Command("Style page", "shell:styleguide", "palette", None, "components design")
        )

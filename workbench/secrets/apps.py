from django.apps import AppConfig

from workbench.audit.actions import register_action

ACTIONS = {
    "secret.set": "Set the secret {name}, version {version}",
    "secret.deleted": "Deleted the secret {name}",
}


class SecretsConfig(AppConfig):
    name = "workbench.secrets"
    label = "secrets"

    def ready(self) -> None:
        from workbench.secrets import checks  # noqa: F401 - registers a system check

        for name, sentence in ACTIONS.items():
            register_action(name, sentence)

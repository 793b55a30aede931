from django.apps import AppConfig

from workbench.audit.actions import register_action

ACTIONS = {
    "secret.set": "Set the secret {name}, version {version}",
    "secret.refused": "Refused to read the secret {name}: {reason}",
    "secret.deleted": "Deleted the secret {name}",
}


class SecretsConfig(AppConfig):
    name = "workbench.secrets"
    label = "secrets"

    def ready(self) -> None:
        # The checks register themselves; the others import models, which are loaded by now.
        from workbench.audit.records import register_check
        from workbench.secrets import checks  # noqa: F401
        from workbench.secrets.newest import check_secrets

        register_check("secrets", check_secrets)
        for name, sentence in ACTIONS.items():
            register_action(name, sentence)

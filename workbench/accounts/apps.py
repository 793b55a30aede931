from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "workbench.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from workbench.audit.actions import register_action

        register_action("role.granted", "Granted {role} to {person}")
        register_action("role.revoked", "Revoked {role} from {person}")
        register_action("token.created", "Created API token {name}")
        register_action("token.revoked", "Revoked API token {name}")

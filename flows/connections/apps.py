from django.apps import AppConfig

ACTIONS = {
    "connection.created": "Added the connection {title}",
    "connection.changed": "Changed the connection {title}",
    "connection.enabled": "Turned on the connection {title}",
    "connection.disabled": "Turned off the connection {title}",
    "connection.removed": "Removed the connection {title}",
    "connection.tried": "Tried the connection {name}: {result}",
}


class ConnectionsConfig(AppConfig):
    name = "flows.connections"
    label = "connections"

    def ready(self) -> None:
        # Imports models, which are loaded by now. Adapters register themselves.
        from flows.connections.adapters import kinds  # noqa: F401
        from flows.connections.known import KNOWN
        from flows.connections.provider import PROVIDER
        from flows.runtime.late_payments import count_late
        from flows.steps.asking import register_kept
        from flows.steps.charges import register_late_counter
        from flows.steps.language import register_language_provider
        from flows.steps.models import register_provider
        from workbench.audit.actions import register_action
        from workbench.shell.registry import Tab, register_tab

        register_provider(PROVIDER, last=True)
        register_language_provider(PROVIDER, last=True)
        register_kept(KNOWN)
        register_late_counter(count_late)
        register_tab(
            Tab(
                "admin",
                "Models",
                "flows:connection-list",
                "connections.view",
                30,
                "connections servers",
                otherwise="assets",
            )
        )
        for name, sentence in ACTIONS.items():
            register_action(name, sentence)

from django.apps import AppConfig

ACTIONS: dict[str, str] = {}


class ConnectionsConfig(AppConfig):
    name = "flows.connections"
    label = "connections"

    def ready(self) -> None:
        # Imports models, which are loaded by now. Adapters register themselves.
        from flows.connections.adapters import anthropic, openai, plain  # noqa: F401
        from flows.connections.known import KNOWN
        from flows.connections.provider import PROVIDER
        from flows.steps.asking import register_kept
        from flows.steps.language import register_language_provider
        from flows.steps.models import register_provider

        register_provider(PROVIDER, last=True)
        register_language_provider(PROVIDER, last=True)
        register_kept(KNOWN)

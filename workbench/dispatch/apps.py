from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class DispatchConfig(AppConfig):
    name = "workbench.dispatch"

    def ready(self) -> None:
        # Imports models, which are loaded by now.
        from workbench.dispatch.broker import get_broker

        get_broker()
        autodiscover_modules("jobs")

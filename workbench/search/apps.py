from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "workbench.search"
    label = "search"

    def ready(self) -> None:
        from workbench.search import functions, matching

        functions.connect()
        matching.register()

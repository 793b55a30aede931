from django.apps import AppConfig


class SpendingConfig(AppConfig):
    name = "flows.spending"
    label = "spending"
    verbose_name = "What models cost"

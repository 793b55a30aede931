from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    name = "flows.connections"
    label = "connections"

from django.apps import AppConfig

from workbench.audit.actions import register_action
from workbench.shell.registry import Command, NavItem, register_command, register_nav


class AuditConfig(AppConfig):
    name = "workbench.audit"
    label = "audit"
    verbose_name = "Audit ledger"

    def ready(self) -> None:
        from workbench.audit import checks  # noqa: F401 - registers system checks

        register_action("ledger.exported", "Exported {entries} entries")
        register_action("ledger.payload_erased", "Erased the details of entry {entry}: {reason}")
        register_nav(NavItem("Audit", "audit:entries", "scroll-text", "audit.view", 50))
        register_command(
            Command(
                "Verify the ledger",
                "audit:verification",
                "shield-check",
                "audit.view",
                "audit proof",
            )
        )

from django.apps import AppConfig

from workbench.audit.actions import register_action
from workbench.shell.registry import Command, NavItem, register_command, register_nav


class AuditConfig(AppConfig):
    name = "workbench.audit"
    label = "audit"
    verbose_name = "Audit ledger"

    def ready(self) -> None:
        # The checks register themselves; the other imports models, which are loaded by now.
        from workbench.audit import checks  # noqa: F401
        from workbench.audit.erasure import ERASED

        register_action("ledger.exported", "Exported {entries} entries")
        register_action(ERASED, "Erased the details of entry {entry}: {reason}")
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

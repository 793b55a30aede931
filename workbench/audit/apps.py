from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "workbench.audit"
    label = "audit"
    verbose_name = "Audit ledger"

    def ready(self) -> None:
        from workbench.audit.actions import register_action

        register_action("ledger.verified", "Verified {entries} entries: {result}")
        register_action("ledger.exported", "Exported {entries} entries")
        register_action("ledger.payload_erased", "Erased the details of entry {entry}: {reason}")

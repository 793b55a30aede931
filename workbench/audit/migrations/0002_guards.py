# ruff: noqa: S608 - table names from the constants of this file
"""Make the database refuse to change the ledger, and queue each new entry to be sealed.

Triggers of our own on both databases, not django-pgtrigger's: those can be switched off by a
session variable, that is, by anyone who can run a statement.
"""

from django.db import migrations

# Table -> what an attempt is told.
APPEND_ONLY = ("audit_entry", "audit_block", "audit_blockentry")
SQLITE_KEYS = {
    "audit_entry": "id = NEW.id OR (subject_kind = NEW.subject_kind AND subject_id = NEW.subject_id"
    " AND subject_seq = NEW.subject_seq)",
    "audit_entrypayload": "entry_id = NEW.entry_id",
    "audit_block": "id = NEW.id OR number = NEW.number",
    "audit_blockentry": "entry_id = NEW.entry_id OR (block_id = NEW.block_id AND position = NEW.position)",
}
REFUSED = "The audit ledger is append-only"

POSTGRESQL = f"""
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{REFUSED}: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION audit_queue_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (entry_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE FUNCTION audit_check_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_blockentry WHERE entry_id = OLD.entry_id) THEN
        RAISE EXCEPTION '{REFUSED}: entry % is not in a block yet', OLD.entry_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER audit_queue AFTER INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_queue_entry();
CREATE TRIGGER audit_taken BEFORE DELETE ON audit_unsealed
    FOR EACH ROW EXECUTE FUNCTION audit_check_taken();
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_unsealed
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_only_erase BEFORE UPDATE ON audit_entrypayload FOR EACH ROW
    WHEN (NEW.body IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.entry_id <> OLD.entry_id)
    EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_entrypayload
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_only_forward BEFORE UPDATE ON audit_subjecthead FOR EACH ROW
    WHEN (NEW.seq < OLD.seq OR NEW.subject_kind <> OLD.subject_kind OR NEW.subject_id <> OLD.subject_id)
    EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_subjecthead
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
"""
POSTGRESQL_APPEND_ONLY = """
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
"""
POSTGRESQL_NO_TRUNCATE = """
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""
TABLES = (*APPEND_ONLY, "audit_entrypayload", "audit_subjecthead", "audit_unsealed")


def _sqlite_trigger(name, when, table, condition, message):
    return (
        f"CREATE TRIGGER {table}_{name} {when} ON {table} FOR EACH ROW WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSED}: {message}'); END"
    )


def _sqlite_statements():
    for table in APPEND_ONLY:
        yield _sqlite_trigger(
            "no_update", "BEFORE UPDATE", table, "1", f"UPDATE of {table} is refused"
        )
        yield _sqlite_trigger(
            "no_delete", "BEFORE DELETE", table, "1", f"DELETE of {table} is refused"
        )
    for table, same in SQLITE_KEYS.items():
        # INSERT OR REPLACE deletes the old row without firing its DELETE trigger.
        exists = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"
        yield _sqlite_trigger(
            "no_replace", "BEFORE INSERT", table, exists, f"REPLACE of {table} is refused"
        )
    table = "audit_entrypayload"
    changes = "NEW.body IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.entry_id <> OLD.entry_id"
    yield _sqlite_trigger(
        "only_erase", "BEFORE UPDATE", table, changes, f"UPDATE of {table} is refused"
    )
    yield _sqlite_trigger("no_delete", "BEFORE DELETE", table, "1", f"DELETE of {table} is refused")
    table = "audit_subjecthead"
    back = "NEW.seq < OLD.seq OR NEW.subject_kind <> OLD.subject_kind OR NEW.subject_id <> OLD.subject_id"
    yield _sqlite_trigger(
        "only_forward", "BEFORE UPDATE", table, back, f"UPDATE of {table} is refused"
    )
    yield _sqlite_trigger("no_delete", "BEFORE DELETE", table, "1", f"DELETE of {table} is refused")
    table = "audit_unsealed"
    untaken = "NOT EXISTS (SELECT 1 FROM audit_blockentry WHERE entry_id = OLD.entry_id)"
    yield _sqlite_trigger("no_update", "BEFORE UPDATE", table, "1", f"UPDATE of {table} is refused")
    yield _sqlite_trigger(
        "taken", "BEFORE DELETE", table, untaken, "the entry is not in a block yet"
    )
    yield (
        "CREATE TRIGGER audit_entry_queue AFTER INSERT ON audit_entry FOR EACH ROW "
        "BEGIN INSERT INTO audit_unsealed (entry_id) VALUES (NEW.id); END"
    )


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
        for table in APPEND_ONLY:
            schema_editor.execute(POSTGRESQL_APPEND_ONLY.format(table=table), params=None)
        for table in TABLES:
            schema_editor.execute(POSTGRESQL_NO_TRUNCATE.format(table=table), params=None)
        return
    for statement in _sqlite_statements():
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_ledger")]

    # No way back: whoever may migrate backwards would have a command that unlocks the ledger.
    operations = [migrations.RunPython(install)]

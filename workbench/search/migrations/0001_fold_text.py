"""PostgreSQL's ``fold_text``; on SQLite it is a function of Python (workbench.search.functions)."""

from typing import Any

from django.db import migrations

# The steps of workbench.values.folding.fold, the marks too. Lower
# case has two sigmas, a dotless i, and an iota below (U+0345) that is a letter in capitals.
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
CREATE = f"""
CREATE OR REPLACE FUNCTION fold_text(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF octet_length(value) = length(value) THEN
        RETURN lower(value COLLATE "C");
    END IF;
    value := lower(normalize(value, NFKD) COLLATE "und-x-icu");
    value := replace(translate(value, '\u03c2\u0131\u0345', '\u03c3i\u03b9'), 'ß', 'ss');
    RETURN normalize(regexp_replace(value, '[{MARKS}]', '', 'g'), NFKC);
END
$$
"""


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE, params=None)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION fold_text(text)")


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []

    operations = [migrations.RunPython(create, drop)]

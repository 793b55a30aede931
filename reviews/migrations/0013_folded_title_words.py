"""The words of titles, folded by Python, and the index of PostgreSQL on them.

SQLite's index is kept by reviews.selectors.titles.
"""

from typing import Any

from django.db import migrations

import workbench.search.words
from workbench.values.folding import split_words

ROWS_A_BATCH = 1000
# The expression of reviews.selectors.titles, word by word: else the index is not used.
CREATE = """
CREATE INDEX case_words ON reviews_case
USING gin (array_to_tsvector(string_to_array(title_words, ' ')))
"""
# The release before this one writes no words, and may still run while it is replaced.
WRITE = """
CREATE FUNCTION reviews_case_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.title_words := (
        SELECT coalesce(string_agg(left(word, 60), ' '), '')
        FROM regexp_split_to_table(fold_text(NEW.title), '[^[:alnum:]]+') AS word
        WHERE word <> ''
    );
    RETURN NEW;
END
$$;
CREATE TRIGGER reviews_case_words BEFORE INSERT ON reviews_case
FOR EACH ROW WHEN (NEW.title_words = '') EXECUTE FUNCTION reviews_case_words()
"""
FORGET = (
    "DROP TRIGGER IF EXISTS reviews_case_titled",
    "DROP TRIGGER IF EXISTS reviews_case_retitled",
    "DROP TRIGGER IF EXISTS reviews_case_untitled",
    "DROP TABLE IF EXISTS reviews_casetitle",
)


def forget_former_index(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS case_title_words")
    else:
        for statement in FORGET:
            schema_editor.execute(statement)


def fold_titles(apps: Any, schema_editor: Any) -> None:
    cases = apps.get_model("reviews", "Case").objects.using(schema_editor.connection.alias)
    last = 0
    while batch := list(cases.filter(pk__gt=last).order_by("pk").only("title")[:ROWS_A_BATCH]):
        for case in batch:
            case.title_words = " ".join(split_words(case.title))
        cases.bulk_update(batch, ["title_words"], batch_size=200)
        last = batch[-1].pk


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE, params=None)
        schema_editor.execute(WRITE, params=None)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX case_words")
        schema_editor.execute("DROP TRIGGER reviews_case_words ON reviews_case")
        schema_editor.execute("DROP FUNCTION reviews_case_words()")


class Migration(migrations.Migration):
    dependencies = [("reviews", "0012_give_shown_artifacts"), ("search", "0001_fold_text")]

    operations = [
        migrations.RunPython(forget_former_index, migrations.RunPython.noop),
        migrations.AddField(
            "case",
            "title_words",
            workbench.search.words.WordsField(
                db_default="", default="", editable=False, of="title"
            ),
        ),
        migrations.RunPython(fold_titles, migrations.RunPython.noop),
        migrations.RunPython(create, drop),
    ]

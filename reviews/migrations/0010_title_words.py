"""PostgreSQL's index of the words of titles; SQLite's is kept by reviews.selectors.titles."""

from typing import Any

from django.db import migrations

# The expression of reviews.selectors.titles, word by word: else the index is not used.
CREATE = r"""
CREATE INDEX case_title_words ON reviews_case USING gin (to_tsvector('simple', translate(
    title, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)
)))
"""


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE, params=None)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX case_title_words")


class Migration(migrations.Migration):
    dependencies = [("reviews", "0009_one_index_each")]

    operations = [migrations.RunPython(create, drop)]

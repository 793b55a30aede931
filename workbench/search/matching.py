"""Conditions on text that a person looks for: case, accents and forms of Unicode do not matter.

``icontains`` and its kin are not used for what people type: SQLite folds ASCII only, and no
database takes the forms of one letter for the same.
"""

from typing import Any

from django.db.models import CharField, Lookup, Q, TextField

from workbench.values.checking import check_text


def having(text: str, *fields: str) -> Q:
    """Return the condition that one of the fields has the text in it. Raises: ValueRefused."""
    return _any_of(text, fields, "has_text")


def beginning(text: str, *fields: str) -> Q:
    """Return the condition that one of the fields begins with the text. Raises: ValueRefused."""
    return _any_of(text, fields, "begins_with_text")


def being(text: str, *fields: str) -> Q:
    """Return the condition that one of the fields is the text. Raises: ValueRefused."""
    return _any_of(text, fields, "is_text")


def _any_of(text: str, fields: tuple[str, ...], lookup: str) -> Q:
    check_text(text)
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__{lookup}": text})
    return found


class _Folded(Lookup):
    """Compares where the right side stands in the left one, both folded by the database."""

    condition = ""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        position = "strpos" if connection.vendor == "postgresql" else "instr"
        sql = f"{position}(fold_text({left}), fold_text({right})) {self.condition}"
        return sql, (*left_values, *right_values)


class HasText(_Folded):
    lookup_name = "has_text"
    condition = "> 0"


class BeginsWithText(_Folded):
    lookup_name = "begins_with_text"
    condition = "= 1"


class IsText(_Folded):
    lookup_name = "is_text"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"fold_text({left}) = fold_text({right})", (*left_values, *right_values)


def register() -> None:
    for field in (CharField, TextField):
        field.register_lookup(HasText)
        field.register_lookup(BeginsWithText)
        field.register_lookup(IsText)

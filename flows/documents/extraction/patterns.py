"""Patterns over a document's words, in time that grows with the text alone.

The engine is that of Rust, by pydantic: it never goes back, so that no text makes it slow.
"""

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> SchemaValidator:
    """Return what tells whether a whole text fits. Raises: ValueError, with what is wrong."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=rf"^(?:{pattern})$"))
    except SchemaError as error:
        # The last line says what is wrong; those before it show where.
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
        raise ValueError(
            f"{pattern!r} is not a pattern: {reason}. "
            "Look-around and references to earlier groups are not known here."
        ) from error


def fits(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).isinstance_python(text)

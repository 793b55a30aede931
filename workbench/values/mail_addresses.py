"""One mail address, and nothing else beside it."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from workbench.values.refusals import ValueRefused

# What separates addresses, names or routes them, or begins another header.
_NOT_IN_AN_ADDRESS = re.compile(r"[\s,;:<>()\[\]\\\"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]")
# What begins another header or line; a tab is no such thing.
_LINE_ENDS = re.compile("[\r\n\v\f\x1c-\x1e\x85\u2028\u2029\0]")
LONGEST = 254  # what a mail server takes, RFC 5321
REMEDY = "Write one address alone, such as name@example.com."


def read_mail_address(text: str) -> str:
    """Return the address without blanks around it. Raises: ValueRefused.

    Names ("Ada <ada@example.com>"), lists and quoted parts are refused: readers and servers differ
    in what they take for the address in them.
    """
    address = text.strip(" ")
    if _NOT_IN_AN_ADDRESS.search(address):
        raise ValueRefused(f"{text!r} is not one mail address.", REMEDY)
    if len(address) > LONGEST:
        raise ValueRefused(f"A mail address has at most {LONGEST} characters.", REMEDY)
    try:
        validate_email(address)
    except ValidationError:
        raise ValueRefused(f"{text!r} is not a mail address.", REMEDY) from None
    return address


def read_header(text: str) -> str:
    """Return the text of a mail's header. Raises: ValueRefused for one that begins another."""
    if _LINE_ENDS.search(text):
        raise ValueRefused(
            "A mail's header must be one line: a line break would start another header.",
            "Remove the line break.",
        )
    return text

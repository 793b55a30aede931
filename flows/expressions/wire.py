"""The wire format of CEL's serialized expressions, protocol buffers, as far as they need it."""

from collections.abc import Iterator
from typing import Any

Fields = list[tuple[int, Any]]


def read_fields(data: bytes) -> Fields:
    """Return the number and the value of each field: an int, or the bytes of what is longer."""
    found: Fields = []
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _read_varint(data, at)
            found.append((number, value))
        elif wire == 2:  # noqa: PLR2004 - the wire types of protocol buffers
            size, at = _read_varint(data, at)
            found.append((number, data[at : at + size]))
            at += size
        else:
            size = 8 if wire == 1 else 4
            found.append((number, data[at : at + size]))
            at += size
    return found


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follows
            return value, at


def find_last(fields: Fields, number: int, default: Any = b"") -> Any:
    return next((value for key, value in reversed(fields) if key == number), default)


def find_all(fields: Fields, number: int) -> Iterator[Any]:
    return (value for key, value in fields if key == number)


def write_fields(*fields: tuple[int, int | bytes]) -> bytes:
    """Return the bytes of ints, and of bytes with their length before them."""
    return b"".join(_write_field(number, value) for number, value in fields)


def _write_field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _write_varint(number << 3) + _write_varint(value)
    return _write_varint(number << 3 | 2) + _write_varint(len(value)) + value


def _write_varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - the high bit says that more follows
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])

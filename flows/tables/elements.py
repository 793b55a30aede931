"""Read the elements of an XML document by their names, whatever namespace they are in."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element  # for types: files are read by defusedxml


def get_tag(element: Element) -> str:
    """Return the element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def list_children(element: Element, tag: str) -> Iterator[Element]:
    return (each for each in element if get_tag(each) == tag)


def find_child(element: Element | None, tag: str) -> Element | None:
    return None if element is None else next(list_children(element, tag), None)


def read_text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()

"""What tests read in an answer of the product."""

from typing import Any

from django.test import Client


def page(client: Client, url: str, status: int = 200) -> str:
    """Return the page at the address, which must answer with the status."""
    response = client.get(url)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def text_of(response: Any) -> str:
    text: str = response.content.decode()
    return text


def problem_of(response: Any) -> str:
    """Return the code of the problem that the API answered with."""
    kind, _, code = str(response.json()["type"]).rpartition(":")
    assert kind == "urn:countersign:problem"
    return code

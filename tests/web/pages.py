"""What tests read in an answer of the product."""

import re
from collections.abc import Mapping
from typing import Any

from django.test import Client

from reviews.models import Case


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


def revision_on(client: Client, url: str, form: str = "") -> str:
    """Return the revision that a form of the page carries: the first, or that with the id."""
    at = re.escape(f'id="{form}"') if form else ""
    found = re.search(rf'(?s){at}.*?name="revision" value="([^"]*)"', page(client, url))
    assert found is not None
    return found[1]


def publish(client: Client, sent: Mapping[str, Any], flow: str = "loan") -> Any:
    """Post the publish page of a flow, which carries the draft's revision that it shows."""
    url = f"/flows/{flow}/publish/"
    return client.post(url, {"revision": revision_on(client, url), **sent})


def if_match(client: Client, path: str) -> dict[str, str]:
    """Return the header by which a request to the API changes what is there now."""
    return {"If-Match": client.get(path)["ETag"]}


def decide_on_page(client: Client, case: Case, sent: Mapping[str, Any]) -> Any:
    """Post a decision from the case's page, which carries the revision that it shows."""
    shown = Case.objects.only("revision").get(pk=case.pk).revision
    return client.post(f"/review/cases/{case.pk}/decide/", {"revision": str(shown), **sent})

"""Rows of earlier releases stay usable."""

from importlib import import_module

import pytest
from django.apps import apps

from flows.connections.known import KnownConnection
from tests.factories.connections import make_connection

pytestmark = pytest.mark.django_db


def test_a_connection_that_said_that_its_server_takes_pdf_files_is_still_read() -> None:
    made = make_connection("support", kind="openai", options={"takes_pdf": True, "strict": True})
    import_module("flows.connections.migrations.0002_pdf_as_images").drop_takes_pdf(apps, None)
    made.refresh_from_db()
    assert made.options == {"strict": True}
    assert KnownConnection(made).options.model_dump()["strict"]

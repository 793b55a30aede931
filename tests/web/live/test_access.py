"""Which groups a page may ask for."""

import pytest

from tests.factories.people import make_person
from workbench.accounts.models import Role
from workbench.live.access import authorise

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name", ["flow.ß", "flow.a b", f"flow.{'1' * 5_000}", "flow.\n", "assets.é"]
)
def test_a_name_that_the_channel_layer_would_fail_with_is_refused_to_everybody(name: str) -> None:
    user = make_person("admin", Role.ADMIN)
    assert authorise(user, [name, "flow.loan"]) == {"flow.loan"}

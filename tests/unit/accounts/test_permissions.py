"""Grants and scopes, without a database: the grants are put on the person as a query would."""

import pytest

from workbench.accounts.gate import requires
from workbench.accounts.models import ApiToken, Role, RoleGrant, User
from workbench.accounts.permissions import PERMISSIONS, UnknownPermission, can, reach


def person(*grants: tuple[Role, str, str], **fields: bool) -> User:
    user = User(username="ada", **fields)
    user._kept_grants = [  # type: ignore[attr-defined]
        RoleGrant(role=role, flow_name=flow, queue_name=queue) for role, flow, queue in grants
    ]
    return user


EVERYWHERE = person((Role.REVIEWER, "", ""))
OF_FLOW = person((Role.DESIGNER, "loans", ""))
OF_QUEUE = person((Role.REVIEWER, "", "underwriting"))
OF_BOTH = person((Role.REVIEWER, "loans", "underwriting"))


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_who_has_no_role_may_only_sign_in(permission: str) -> None:
    assert can(person(), permission) == (permission == "signed_in")


@pytest.mark.parametrize(
    ("user", "flow", "queue", "may"),
    [
        (EVERYWHERE, "loans", "underwriting", True),
        (EVERYWHERE, None, None, True),
        (OF_QUEUE, "loans", "underwriting", True),
        (OF_QUEUE, None, "underwriting", True),
        (OF_QUEUE, "loans", "claims", False),
        (OF_QUEUE, "loans", None, False),
        (OF_QUEUE, None, None, True),
        (OF_BOTH, "loans", "underwriting", True),
        (OF_BOTH, "other", "underwriting", False),
        (OF_BOTH, None, "underwriting", False),
    ],
)
def test_a_grant_holds_within_its_scope(
    user: User, flow: str | None, queue: str | None, may: bool
) -> None:
    assert can(user, "cases.decide", flow=flow, queue=queue) is may


def test_a_grant_of_one_flow_opens_its_list_narrowed_to_it() -> None:
    assert can(OF_FLOW, "flows.view")
    assert reach(OF_FLOW, "flows.view").scopes == {("loans", "")}
    assert can(OF_FLOW, "flows.edit", flow="loans")
    assert not can(OF_FLOW, "flows.edit", flow="claims")


@pytest.mark.parametrize("permission", ["people.manage", "audit.view", "audit.export"])
def test_a_narrowed_role_gives_nothing_that_holds_for_all(permission: str) -> None:
    narrowed = person((Role.ADMIN, "loans", ""), (Role.AUDITOR, "", "underwriting"))
    assert not can(narrowed, permission)


def test_a_grant_of_a_queue_gives_nothing_about_runs() -> None:
    lead = person((Role.LEAD, "", "underwriting"))
    assert can(lead, "cases.assign", queue="underwriting")
    assert not can(lead, "runs.view")


def test_who_was_deactivated_may_nothing() -> None:
    assert not can(person((Role.ADMIN, "", ""), is_active=False), "people.manage")


def test_a_superuser_may_everything() -> None:
    assert all(can(person(is_superuser=True), permission) for permission in PERMISSIONS)


def test_a_token_is_narrower_than_its_person() -> None:
    token = ApiToken(user=OF_FLOW, scopes=["flows.view", "cases.decide"])
    assert can(token, "flows.view", flow="loans")
    assert not can(token, "flows.edit", flow="loans")
    assert not can(token, "cases.decide")


def test_an_unknown_permission_is_a_mistake_and_not_a_no() -> None:
    with pytest.raises(UnknownPermission):
        can(EVERYWHERE, "cases.decid")
    with pytest.raises(UnknownPermission):
        requires("cases.decid", scope="rows")

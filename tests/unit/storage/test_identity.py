"""Which connections a pool accepts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.identity import APP_ROLE, SYSTEM_ROLE, Identity, fault

TAKEN = Identity(
    role=APP_ROLE,
    login="gateway",
    sees_past_policies=False,
    login_is_superuser=False,
    may_act_as_system=False,
    read_only=False,
    pooled=False,
)
OWN = replace(TAKEN, login=APP_ROLE)
SYSTEM = replace(OWN, role=SYSTEM_ROLE, login=SYSTEM_ROLE)


@pytest.mark.parametrize(
    ("found", "role", "own_login"),
    [
        (TAKEN, APP_ROLE, False),
        (replace(TAKEN, login_is_superuser=True), APP_ROLE, False),
        (OWN, APP_ROLE, True),
        (replace(OWN, pooled=True), APP_ROLE, True),
        (SYSTEM, SYSTEM_ROLE, True),
    ],
    ids=["taken", "taken by a superuser", "own", "own, pooled", "system"],
)
def test_a_role_that_holds_is_admitted(found: Identity, role: str, own_login: bool) -> None:
    """Set on a direct connection, or by its own login anywhere."""
    assert fault(found, role, own_login=own_login) is None


@pytest.mark.parametrize(
    ("found", "own_login", "remedy"),
    [
        (replace(TAKEN, pooled=True), False, "set TURNGATE_DATABASE__APP_URL"),
        (replace(TAKEN, role="gateway"), False, "set TURNGATE_DATABASE__APP_URL"),
        (replace(TAKEN, role="gateway"), True, "sign in as 'turngate_app' itself"),
        (TAKEN, True, "sign in as 'turngate_app' itself"),
        (replace(OWN, role="gateway"), True, "drops the startup parameter"),
        (replace(OWN, sees_past_policies=True), True, "ALTER ROLE turngate_app NOSUPERUSER NOBYPASSRLS"),
        (replace(OWN, may_act_as_system=True), True, "REVOKE turngate_system FROM turngate_app"),
    ],
    ids=["taken, pooled", "dropped", "another login", "a login below", "changed role", "no policies", "a way up"],
)
def test_a_role_that_may_not_hold_is_refused(found: Identity, own_login: bool, remedy: str) -> None:
    """With a remedy."""
    assert remedy in (fault(found, APP_ROLE, own_login=own_login) or "")

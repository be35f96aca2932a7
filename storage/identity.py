"""Checks for each new connection of a pool whose rows it can reach, and that its server accepts writes."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import DatabaseMisconfigured, StoreUnavailable
from storage.connections import PatientConnection
from storage.queries import load_queries

SQL = load_queries("identity")
APP_ROLE = "turngate_app"
SYSTEM_ROLE = "turngate_system"
URL_SETTINGS = {APP_ROLE: "TURNGATE_DATABASE__APP_URL", SYSTEM_ROLE: "TURNGATE_DATABASE__SYSTEM_URL"}
LOGINS_REMEDY = (
    "Connect directly, or let both roles sign in themselves: set TURNGATE_DATABASE__APP_URL and "
    "TURNGATE_DATABASE__SYSTEM_URL (docs/operations.md, Connection poolers)."
)
READ_ONLY = "The database accepts no writes: it is a standby, or set to read only. The gateway keeps trying new connections until one does."


@dataclass(frozen=True, slots=True)
class Logins:
    """The URLs that the two roles connect with. `own`: each role signs in itself, so there is no other account behind it."""

    app: str
    system: str
    own: bool

    @classmethod
    def shared(cls, url: str) -> Logins:
        """One login, which takes each role at the start of a connection."""
        return cls(app=url, system=url, own=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the server reports about a connection. `pooled`: it goes through a pooler that may change the server process."""

    role: str
    login: str
    sees_past_policies: bool
    login_is_superuser: bool
    may_act_as_system: bool
    read_only: bool
    pooled: bool


def fault(found: Identity, role: str, *, own_login: bool) -> str | None:
    """Returns why a pool of `role` must not use the connection, and what to do about it; None if it may."""
    if own_login and found.login != role:
        return f"{URL_SETTINGS[role]} signs in as {found.login!r}; it must sign in as {role!r} itself."
    if found.pooled and not own_login:
        return (
            "A connection pooler stands between the gateway and the database. A role set at the start of a connection "
            f"does not survive one, so every user could reach everyone's rows. {LOGINS_REMEDY}"
        )
    if found.role != role:
        return (
            f"A connection that should work as {role!r} works as {found.role!r}, so row-level security would not "
            f"apply: something in between drops the startup parameter `role`. {LOGINS_REMEDY}"
        )
    if found.sees_past_policies:
        return f"Row-level security does not apply to {role!r}. Run: ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS;"
    if role == APP_ROLE and found.may_act_as_system:
        return f"{role!r} may act as {SYSTEM_ROLE!r}, which sees all rows. Run: REVOKE {SYSTEM_ROLE} FROM {role};"
    return None


@dataclass(slots=True)
class IdentityCheck:
    """Checks the connections of one pool. `admitted`: the newest one that passed; `refused`: why the newest one failed."""

    role: str
    own_login: bool
    admitted: Identity | None = None
    refused: str | None = None

    async def admit(self, connection: PatientConnection) -> None:
        """Raises `DatabaseMisconfigured` for an identity that breaks isolation, `StoreUnavailable` for a standby."""
        found = await identity(connection)
        self.refused = fault(found, self.role, own_login=self.own_login)
        if self.refused is not None:
            raise DatabaseMisconfigured(self.refused)
        if found.read_only:
            raise StoreUnavailable(READ_ONLY)
        if found.pooled:
            connection.stop_preparing()
        self.admitted = found


async def identity(connection: PatientConnection) -> Identity:
    """Queries in one transaction and with an unnamed statement: both work in every mode of a pooler."""
    async with connection.transaction():
        statement = await connection.prepare(SQL["look"], name="")
        row = await statement.fetchrow()
    if row is None:
        raise StoreUnavailable("The database does not report who is signed in.")
    facts = dict(row)
    # A pooler hands out its own keys for cancelling; the server's key names the process itself.
    return Identity(pooled=facts.pop("pid") != connection.get_server_pid(), **facts)

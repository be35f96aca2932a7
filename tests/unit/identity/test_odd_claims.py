"""JWTs with a valid signature and invalid claims."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from jwt.utils import base64url_encode

from channels.table import USER_IDS
from gateway.errors import Unauthenticated
from gateway.identity.logins import Logins
from gateway.identity.settings import Auth
from tests.world import World

SECRET = "s" * 64
SOON = time.time() + 24 * 3600


def signed(payload: str, header: str = '{"alg": "HS256", "typ": "JWT"}') -> str:
    """A valid signature for any text."""
    signing_input = base64url_encode(header.encode()) + b"." + base64url_encode(payload.encode())
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing_input, SECRET.encode())
    return (signing_input + b"." + base64url_encode(signature)).decode()


def claims(**given: Any) -> str:
    """A payload with one or two odd claims."""
    return signed(json.dumps({"sub": "zoe", "exp": SOON, **given}))


ODD = {
    "exp in milliseconds": claims(exp=round(SOON) * 1000),
    "exp beyond all calendars": claims(exp=10**30),
    "exp as text": claims(exp=str(round(SOON))),
    "exp as any text": claims(exp="tomorrow"),
    "exp as a list": claims(exp=[SOON]),
    "exp as an object": claims(exp={}),
    "exp without end": claims(exp=float("inf")),
    "exp that is no number": claims(exp=float("nan")),
    "exp true": claims(exp=True),
    "exp null": claims(exp=None),
    "nbf without end": claims(nbf=float("inf")),
    "nbf as a list": claims(nbf=[]),
    "iat without end": claims(iat=float("inf")),
    "iat as a list": claims(iat=[]),
    "sub as a number": claims(sub=5),
    "a payload that is a list": signed("[]"),
    "a payload without bottom": signed("[" * 3_000),
    "a header without bottom": signed("{}", header="[" * 3_000),
}


@pytest.mark.parametrize("case", ODD)
async def test_a_malformed_jwt_is_a_401(case: str) -> None:
    """Never an internal error."""
    with pytest.raises(Unauthenticated):
        await Logins(Auth.model_validate({"jwt_secret": SECRET}), USER_IDS).verify(ODD[case])


@pytest.mark.parametrize("case", ["exp in milliseconds", "exp beyond all calendars", "exp as text"])
async def test_a_wrong_exp_is_named(case: str) -> None:
    """The login's author learns what to fix."""
    with pytest.raises(Unauthenticated, match=r"exp should be .* seconds"):
        await Logins(Auth.model_validate({"jwt_secret": SECRET}), USER_IDS).verify(ODD[case])


async def test_a_valid_exp_is_accepted() -> None:
    """A whole number of seconds, or a fraction."""
    for exp in (int(SOON) + 0.5, int(SOON)):
        principal = await Logins(Auth.model_validate({"jwt_secret": SECRET}), USER_IDS).verify(claims(exp=exp))
        assert principal.expires_at is not None
        assert principal.expires_at.timestamp() == exp


async def test_http_and_sockets_say_so(world: World) -> None:
    """401 over HTTP, and a hello is closed with 4401."""
    zoe = await world.person("zoe", (await world.gateway(auth={"jwt_secret": SECRET})).url)
    for case in ("exp in milliseconds", "exp beyond all calendars", "exp as text", "a header without bottom"):
        zoe.token = ODD[case]
        assert (await zoe.calls("GET", "/api/me"))[0] == 401
        socket = await zoe.opens()
        await socket.says(type="hello", token=zoe.token)
        assert await socket.closes() == 4401

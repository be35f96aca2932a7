"""A login that signs tokens and publishes its keys, and a clock under a test's control."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

RSA = rsa.generate_private_key(65_537, 2_048)
EC = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Login:
    """A login's key server; `fetched` counts its requests."""

    keys: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    others: list[dict[str, Any]] = field(default_factory=list)
    fetched: int = 0
    away: bool = False
    url: str = ""

    async def answer(self, _request: web.Request) -> web.Response:
        self.fetched += 1
        if self.away:
            return web.Response(status=503)
        return web.json_response({"keys": [*self.others, *map(self._published, self.keys)]})

    def _published(self, kid: str) -> dict[str, Any]:
        key = self.keys[kid]
        if isinstance(key, rsa.RSAPrivateKey):
            shape = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
            return {**shape, "kid": kid, "use": "sig", "alg": "RS256"}
        return {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", "alg": "ES256"}

    def token(self, kid: str, **claims: Any) -> str:
        """A token signed with that key."""
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(body(**claims), key, algorithm=algorithm, headers={"kid": kid})


def body(**claims: Any) -> dict[str, Any]:
    """The claims of a valid token, with the given changes; None omits a claim."""
    given = {"sub": "zoe", "exp": time.time() + 60, "aud": "chat", "iss": "login", **claims}
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class Clock:
    """A clock that moves on demand."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

"""The public keys of the customer's login (a JWK set, RFC 7517), fetched on demand and not too often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import jwt
import structlog

from gateway.core.tasks.background import Background
from gateway.errors import SettingsError, StoreUnavailable

log = structlog.get_logger(__name__)

ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
)
"""Algorithms of public keys: a JWK set with a shared secret is rejected."""
FETCH_TIMEOUT_S = 5
FRESH_S = 300.0
"""Seconds after which the set is fetched again; a removed key remains valid until then …"""
LASTING_S = 3600.0
"""… or for this long while it can't be fetched."""
REFETCH_S = 5.0
"""Minimum seconds between two fetches, even if requests name unknown keys …"""
AFTER_FAILURE_S = 30.0
"""… and after a failed one, while cached keys remain usable."""
GLANCE_S = 0.5
"""Seconds that a request waits for the fetch it starts, if a cached key is usable."""


class PublishedKeys:
    """Keys by their `kid`. Each fetch replaces the whole set, so a key that was rotated out disappears.

    Raises `SettingsError` for an invalid URL.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = _client(url)
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._work = Background()
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """Returns the key with that id; without an id, the only key there is. None if the login publishes no such key.

        A slow login delays nobody whose key is known. Raises `StoreUnavailable` for an unknown key while the
        set can't be fetched.
        """
        is_known = self.known(key_id) is not None
        if not is_known or not self._is_fresh():
            await self._renew(is_known=is_known)
        found = self.known(key_id)
        if found is None and (self._failed() or not self._lasts()):
            raise StoreUnavailable("The login's public keys cannot be fetched.")
        return found

    def known(self, key_id: str | None) -> jwt.PyJWK | None:
        """Returns the key with that id if it can be found without asking the login."""
        return self._find(key_id) if self._lasts() else None

    async def _renew(self, *, is_known: bool) -> None:
        """Fetches the set, unless that was done a moment ago, or waits for a fetch under way."""
        if self._fetching is None or self._fetching.done():
            if not self._may_fetch():
                return
            self._fetching = self._work.start(self._fetch(), "fetch of the login's keys")
        elif is_known:
            return
        await asyncio.wait({self._fetching}, timeout=GLANCE_S if is_known else None)

    def _find(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _lasts(self) -> bool:
        return self._fetched_at is not None and self._clock() - self._fetched_at <= LASTING_S

    def _is_fresh(self) -> bool:
        return self._fetched_at is not None and self._clock() - self._fetched_at < FRESH_S

    def _may_fetch(self) -> bool:
        if self._tried_at is None:
            return True
        return self._clock() - self._tried_at >= (AFTER_FAILURE_S if self._failed() else REFETCH_S)

    def _failed(self) -> bool:
        """Whether fetching a set failed after an earlier success."""
        return self._fetched_at is not None and self._tried_at is not None and self._fetched_at < self._tried_at

    async def _fetch(self) -> None:
        self._tried_at = self._clock()
        try:
            # It blocks on the network, so it gets a thread of its own.
            published = await asyncio.to_thread(_read, self._client)
        except (jwt.PyJWTError, ValueError) as error:
            log.warning("login_keys_not_fetched", reason=str(error))
            return
        self._keys = {key.key_id: key for key in published if _signs(key)}
        self._fetched_at = self._clock()


def _read(client: jwt.PyJWKClient) -> Sequence[jwt.PyJWK]:
    """Returns the published keys. Raises `jwt.PyJWTError`, also if the document is not a JWK set (RFC 7517, section 5)."""
    published = client.fetch_data()
    if not isinstance(published.get("keys"), list):
        raise jwt.PyJWKSetError("It is not a JWK set, which is an object with a list of keys.")
    try:
        return jwt.PyJWKSet.from_dict(published).keys
    except jwt.PyJWKSetError:
        # No keys, or none of a known kind: that is the login's answer.
        return ()


def _signs(key: jwt.PyJWK) -> bool:
    return key.public_key_use in {None, "sig"} and key.algorithm_name in ALGORITHMS


def _client(url: str) -> jwt.PyJWKClient:
    try:
        return jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_S)
    except jwt.PyJWTError as error:
        raise SettingsError(f"auth.jwks_url is {url!r}; it should be an http or https URL ({error}).") from None

"""HTTP to a Bot API server: python-telegram-bot's client, with our own handling of responses."""

from __future__ import annotations

from typing import TYPE_CHECKING  # noqa: TID251 - nothing depends on a private name at run time

from telegram.request import BaseRequest, HTTPXRequest, RequestData

from channels.telegram.bot_api.answers import read_answer

if TYPE_CHECKING:
    # The library has no public name for an optional parameter.
    from telegram._utils.types import ODVInput

_UNSET = BaseRequest.DEFAULT_NONE


class Requests(HTTPXRequest):
    """A connection pool. Responses pass through `read_answer` before the library handles them."""

    async def do_request(  # noqa: PLR0917 - the library's signature
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = _UNSET,
        write_timeout: ODVInput[float] = _UNSET,
        connect_timeout: ODVInput[float] = _UNSET,
        pool_timeout: ODVInput[float] = _UNSET,
    ) -> tuple[int, bytes]:
        status, body = await super().do_request(
            url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
        )
        return read_answer(status, body)

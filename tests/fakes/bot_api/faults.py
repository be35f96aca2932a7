"""Planned faults of the next calls."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import ClassVar, Literal, assert_never

from pydantic import ConfigDict

from tests.fakes.bot_api.wire import JsonObject, RefusedError

OTHER_POLL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
FaultKind = Literal["429", "5xx", "409", "403", "400", "slow", "lost", "garbage", "cut", "raw", "migrate"]
_SPOILERS = ("slow", "lost", "garbage", "cut")


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to matching calls.

    Without `method` or `chat_id` any matches; `times` 0 means until cleared. `slow`, `lost`, `garbage` and `cut` carry
    the call out and spoil only the answer; `5xx` and `raw` do so when `delivers` is set. `raw` answers with `status` and
    `body`, in which `{answer}` stands for the proper answer, and with `location` as a header. Times are in seconds.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: FaultKind
    method: str | None = None
    chat_id: int | None = None
    times: int = 1
    retry_after: int = 1
    delay_s: float = 0.0
    status: int = 502
    delivers: bool = False
    migrate_to_chat_id: int | None = None
    description: str | None = None
    body: str = ""
    location: str | None = None

    def matches(self, method: str, chat_id: int | None) -> bool:
        wanted = self.method is None or self.method.lower() == method.lower()
        return wanted and self.chat_id in (None, chat_id)

    @property
    def carries_out(self) -> bool:
        return self.kind in _SPOILERS or (self.kind in ("5xx", "raw") and self.delivers)

    def refusal(self) -> RefusedError:
        """The error the caller gets, in the server's own words unless `description` is set."""
        code, words, parameters = self._usual()
        return RefusedError(code, self.description or words, parameters)

    def _usual(self) -> tuple[int, str, JsonObject | None]:
        match self.kind:
            case "429":
                words = f"Too Many Requests: retry after {self.retry_after}"
                return 429, words, {"retry_after": self.retry_after}
            case "5xx" | "raw":
                return self.status, HTTPStatus(self.status).phrase, None
            case "409":
                return 409, OTHER_POLL, None
            case "403":
                return 403, "Forbidden: bot was blocked by the user", None
            case "400":
                return 400, "Bad Request: can't parse entities: unsupported entity", None
            case "migrate":
                words = "Bad Request: group chat was upgraded to a supergroup chat"
                return 400, words, {"migrate_to_chat_id": self.migrate_to_chat_id}
            case "slow" | "lost" | "garbage" | "cut":
                raise ValueError(f"{self.kind} spoils the answer, it refuses nothing")
            case _:
                assert_never(self.kind)


class FaultPlan:
    """Faults in the order they were asked for; the first match is used up first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    @property
    def remaining(self) -> tuple[Fault, ...]:
        return tuple(self._faults)

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, method: str, chat_id: int | None) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.matches(method, chat_id):
                self._use_up(index)
                return fault
        return None

    def _use_up(self, index: int) -> None:
        fault = self._faults[index]
        if fault.times == 1:
            del self._faults[index]
        elif fault.times > 1:
            self._faults[index] = replace(fault, times=fault.times - 1)

"""Converts one answer to AI SDK's UI message stream; pure.

Clients can add to a message but not take anything back (`processUIMessageStream`). So each attempt at a turn is a step: while
a new attempt repeats what is shown, nothing is sent; where it continues beyond that, the rest is sent; where it differs, the
step ends and the next one starts from the beginning. The last step is the answer. The final row is shown in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.ai_sdk import chunks
from gateway.api.ai_sdk.shown import Shown, ShownText, ShownTool
from gateway.core.content.cleaning import clean
from gateway.core.events import ReasoningDelta, ToolCall, ToolInputDelta, ToolResult
from gateway.core.live.live_turns import BEGINNING, LiveAttempt, Piece
from gateway.core.model import JsonObject, SessionId, TurnId, TurnStatus
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.service import Notice
from gateway.core.turns.parts import part_of, replaces

BROKEN_OFF = "The attempt that called this tool was interrupted."


class UiMessageStream:
    """Consumes a turn's events; `take` returns the chunks to send since the last call."""

    def __init__(self, turn_id: TurnId, session_id: SessionId, metadata: JsonObject) -> None:
        about: JsonObject = {"session_id": session_id, "turn_id": str(turn_id), **metadata}
        self._turn_id = turn_id
        self._session_id = session_id
        self._chunks: list[JsonObject] = [chunks.start(str(turn_id), about)]
        self._told: tuple[TurnStatus, int, bool] | None = None
        self._attempt = 0
        self._read = BEGINNING
        self._shown: list[Shown] = []
        self._at = 0
        self._offset = 0
        self._calls: dict[str, ShownTool] = {}
        self._whole: list[JsonObject] = []
        """Parts shown that stand beside text and tools …"""
        self._said_whole: list[JsonObject] = []
        """… and those that the current attempt has said."""
        self._begun: dict[str, None] = {}
        """Calls whose input is being written."""
        self._status = ""
        self._texts = 0
        self._in_step = False

    def take(self) -> Sequence[JsonObject]:
        """Returns the collected chunks."""
        chunks, self._chunks = self._chunks, []
        return chunks

    def turned(self, status: TurnStatus, attempt: int, *, elsewhere: bool = False) -> None:
        """Shows the turn's status if it is new."""
        if (status, attempt, elsewhere) != self._told:
            self._told = status, attempt, elsewhere
            chunk = chunks.turn(self._turn_id, self._session_id, status, attempt, elsewhere=elsewhere)
            self._chunks.append(chunk)

    def read(self, said: LiveAttempt) -> None:
        """Continues where it left off; from the beginning with a new attempt."""
        if said.attempt > self._attempt:
            self._attempt, self._read = said.attempt, BEGINNING
            self._begin_again()
        if said.attempt == self._attempt:
            pieces, self._read = said.after(self._read)
            for piece in pieces:
                self._say(piece)
            if said.status not in {"", self._status}:
                self._chunks.append(chunks.status(self._turn_id, said.status))
            self._status = said.status

    def conclude(self, outcome: TurnOutcome) -> None:
        """Shows the missing part of the final row, and ends the message. An answer that was taken back stays as it is."""
        if not outcome.reply.deleted:
            self._begin_again()
            for part in outcome.reply.parts:
                self._say_part(part)
            if not self._level or any(part not in outcome.reply.parts for part in self._whole):
                self._start_over()
        self._break_off_inputs()
        self._finish_step()
        self.turned(outcome.status, self._told[1] if self._told else self._attempt)
        self._chunks.append(chunks.ended(outcome))
        if outcome.status == "cancelled":
            self._chunks.append(chunks.ABORT)
        self._chunks.append(chunks.FINISH)

    def vanish(self, reason: str) -> None:
        """The turn no longer exists, and neither will its row."""
        self._finish_step()
        self._chunks.append(chunks.error(reason))

    # What is shown, and how far the current attempt has repeated it ---------------------------------------------------------

    @property
    def _level(self) -> bool:
        """Whether everything shown has been repeated."""
        left = len(self._shown) - self._at
        return not left or (
            left == 1 and isinstance(last := self._shown[-1], ShownText) and self._offset == last.length
        )

    def _begin_again(self) -> None:
        self._at = self._offset = 0
        self._calls = {}
        self._said_whole = []

    def _say(self, piece: Piece) -> None:
        match piece:
            case str():
                self._say_text("text", clean(piece))
            case ReasoningDelta(text):
                self._say_text("reasoning", clean(text))
            case ToolInputDelta(call_id, name, text):
                self._say_input(clean(call_id), clean(name), clean(text))
            case ToolCall():
                self._say_call(piece)
            case ToolResult():
                self._say_result(clean(piece.call_id), clean(piece.output), failed=piece.failed)
            case _:
                self._say_whole(part_of(piece))

    def _say_part(self, part: JsonObject) -> None:
        kind = str(part.get("type"))
        if kind == "text":
            self._say_text("text", str(part["text"]))
        elif kind == "reasoning":
            self._say_text("reasoning", str(part["text"]))
        elif kind.startswith("tool-"):
            call_id, given = str(part["toolCallId"]), part.get("input")
            self._say_call(ToolCall(call_id, kind.removeprefix("tool-"), given if isinstance(given, dict) else {}))
            for name, failed in (("output", False), ("errorText", True)):
                if name in part:
                    self._say_result(call_id, str(part[name]), failed=failed)
        else:
            self._say_whole(part)

    def _say_text(self, kind: chunks.RunKind, text: str) -> None:
        if not text:
            return None
        if not self._level or not self._may_continue(kind):
            shown = self._shown[self._at] if self._at < len(self._shown) else None
            if isinstance(shown, ShownText) and self._offset == shown.length and shown.kind != kind:
                # The next part begins: what is shown of this one has been repeated.
                self._at, self._offset = self._at + 1, 0
                shown = self._shown[self._at] if self._at < len(self._shown) else None
            if shown is None:
                return self._show_text(kind, text)
            if not isinstance(shown, ShownText) or shown.kind != kind:
                return self._differ(text if kind == "text" else ReasoningDelta(text))
            if shown.text.startswith(text, self._offset):
                self._offset += len(text)
                return None
            known = shown.text[self._offset :]
            if not text.startswith(known) or shown is not self._shown[-1]:
                return self._differ(text if kind == "text" else ReasoningDelta(text))
            self._offset += len(known)
            text = text[len(known) :]
        return self._show_text(kind, text)

    def _may_continue(self, kind: chunks.RunKind) -> bool:
        last = self._shown[-1] if self._shown else None
        return not isinstance(last, ShownText) or last.kind == kind

    def _say_input(self, call_id: str, name: str, text: str) -> None:
        """Shown only while nothing is repeated: the call that follows has all of it."""
        if not self._level:
            return
        if call_id not in self._begun:
            self._begun[call_id] = None
            self._enter_step()
            self._chunks.append(chunks.tool_input_start(call_id, name))
        self._chunks.append(chunks.tool_input_delta(call_id, text))

    def _say_whole(self, part: JsonObject) -> None:
        self._said_whole = [one for one in self._said_whole if not replaces(part, one)] + [part]
        if part not in self._whole:
            self._show_whole(part)

    def _say_call(self, call: ToolCall) -> None:
        call = ToolCall(clean(call.call_id), clean(call.name), call.input)
        self._begun.pop(call.call_id, None)
        if self._at < len(self._shown) and isinstance(shown := self._shown[self._at], ShownText):
            if self._offset < shown.length:
                return self._differ(call)
            self._at, self._offset = self._at + 1, 0
        if self._at == len(self._shown):
            tool = self._calls[call.call_id] = ShownTool(call)
            return self._show_call(tool)
        known = self._shown[self._at]
        if not isinstance(known, ShownTool) or (known.call.name, known.call.input) != (call.name, call.input):
            return self._differ(call)
        self._at += 1
        self._calls[call.call_id] = known
        return None

    def _say_result(self, call_id: str, output: str, *, failed: bool) -> None:
        tool = self._calls.get(call_id)
        # A result without a call is not part of the reply either.
        if tool is not None and tool.result != (output, failed):
            tool.result = output, failed
            self._chunks.append(chunks.tool_output(tool.call.call_id, output, failed=failed))

    # Chunks ----------------------------------------------------------------------------------------------------------------

    def _differ(self, piece: Piece) -> None:
        self._start_over()
        self._say(piece)

    def _start_over(self) -> None:
        """Starts another step, with what the attempt has said so far."""
        repeated: list[Shown] = [*self._shown[: self._at]]
        if self._offset and isinstance(half := self._shown[self._at], ShownText):
            repeated.append(ShownText(half.kind, "", [half.text[: self._offset]]))
        for shown in self._shown:
            if isinstance(shown, ShownTool) and shown.result is None:
                self._chunks.append(chunks.tool_output(shown.call.call_id, BROKEN_OFF, failed=True))
        self._break_off_inputs()
        self._finish_step()
        self._shown, self._at, self._offset = [], 0, 0
        for shown in repeated:
            if isinstance(shown, ShownText):
                self._show_text(shown.kind, shown.text)
            else:
                self._show_call(shown)
        self._whole = []
        for part in self._said_whole:
            self._show_whole(part)

    def _break_off_inputs(self) -> None:
        for call_id in self._begun:
            self._chunks.append(chunks.tool_output(call_id, BROKEN_OFF, failed=True))
        self._begun = {}

    def _show_text(self, kind: chunks.RunKind, text: str) -> None:
        self._enter_step()
        last = self._shown[-1] if self._shown else None
        if not isinstance(last, ShownText) or last.kind != kind:
            self._close_text()
            self._texts += 1
            last = ShownText(kind, f"{kind}-{self._texts}")
            self._shown.append(last)
            self._at, self._offset = len(self._shown) - 1, 0
            self._chunks.append(chunks.run_start(kind, last.part_id))
        last.add(text)
        self._offset += len(text)
        self._chunks.append(chunks.run_delta(kind, last.part_id, text))

    def _show_whole(self, part: JsonObject) -> None:
        self._whole = [one for one in self._whole if not replaces(part, one)] + [part]
        self._enter_step()
        self._chunks.append(chunks.part(part))

    def _show_call(self, tool: ShownTool) -> None:
        self._enter_step()
        self._close_text()
        call = tool.call
        self._shown.append(tool)
        self._at, self._offset = len(self._shown), 0
        self._chunks.append(chunks.tool_input(call.call_id, call.name, call.input))
        if tool.result is not None:
            output, failed = tool.result
            self._chunks.append(chunks.tool_output(call.call_id, output, failed=failed))

    def _enter_step(self) -> None:
        if not self._in_step:
            self._in_step = True
            self._chunks.append(chunks.START_STEP)

    def _finish_step(self) -> None:
        self._close_text()
        if self._in_step:
            self._in_step = False
            self._chunks.append(chunks.FINISH_STEP)

    def _close_text(self) -> None:
        last = self._shown[-1] if self._shown else None
        if isinstance(last, ShownText):
            self._chunks.append(chunks.run_end(last.kind, last.part_id))


def notice_chunks(message_id: str, notice: Notice, session_id: SessionId) -> Sequence[JsonObject]:
    """Returns the whole stream for a chat command's answer, which is not part of the transcript."""
    return (
        chunks.start(message_id, {"session_id": session_id}),
        chunks.START_STEP,
        chunks.notice(notice.text, session_ended=notice.session_ended),
        chunks.run_start("text", "text-1"),
        chunks.run_delta("text", "text-1", notice.text),
        chunks.run_end("text", "text-1"),
        chunks.FINISH_STEP,
        chunks.FINISH,
    )

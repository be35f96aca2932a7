"""`[channels.irc]`."""

from __future__ import annotations

from pydantic import Field

from turngate import ChannelSettings


class IrcSettings(ChannelSettings):
    """One IRC server, and who the bot is there."""

    server: str = Field(min_length=1, description="The server's name or address.")
    port: int = Field(6667, ge=1, le=65_535)
    tls: bool = Field(False, description="Whether the connection is encrypted; usually on port 6697.")
    network: str = Field(
        "irc", pattern=r"^[a-z0-9_.-]{1,32}$", description="A short name of the network, for addresses."
    )
    nick: str = Field("turngate", pattern=r"^[A-Za-z_\[\]\\`^{|}][A-Za-z0-9_\[\]\\`^{|}-]{0,29}$")
    password: str | None = Field(None, description="The server's password, if it asks for one.")
    answer_s: float = Field(15, gt=0, le=300, description="Seconds within which the server answers.")

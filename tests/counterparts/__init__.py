"""Bot API servers by other authors, to which a gateway connects.

Each is pinned beside its shim, installed at the first use, and run as it is. What a shim changes is where the server is wrong
in a way that loses messages by itself; its odd answers reach the gateway untouched. Both lack `setMyCommands`.
"""

"""The agent of kind `claude`: Claude Agent SDK, with its own conversations and tools."""

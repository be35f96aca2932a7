"""The only way in: messages and commands from every channel, and edits to existing conversations."""

"""The one way in: messages and commands, whichever channel they come from, and what people do to what was said."""

"""`/v1`: agents, offered as models to clients of OpenAI's API."""

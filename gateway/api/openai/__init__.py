"""`/v1`: agents, as clients of OpenAI's API call models."""

"""The agent of kind `openai`: any server with OpenAI's chat completions API."""

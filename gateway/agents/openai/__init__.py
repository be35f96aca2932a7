"""The agent of kind `openai`: any server that speaks OpenAI's chat completions."""

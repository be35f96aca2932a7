"""The agent of kind `pydantic_ai`: an agent of Pydantic AI, or one of its models with instructions."""

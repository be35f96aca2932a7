"""The agent of kind `a2a`: an agent elsewhere that speaks the Agent2Agent protocol."""

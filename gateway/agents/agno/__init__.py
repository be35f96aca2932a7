"""The agent of kind `agno`: an Agent, Team or Workflow of Agno, with its own sessions."""

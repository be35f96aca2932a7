"""The agent of kind `langgraph`: a compiled graph, with its own checkpoints."""

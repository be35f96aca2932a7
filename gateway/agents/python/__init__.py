"""The agent of kind `python`: your own function or generator."""

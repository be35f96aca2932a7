"""The agent of kind `http`: a server of your own, which receives each turn as a signed POST."""

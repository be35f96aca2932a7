"""Builds a gateway from its parts: the stores, the core on them, and the edges around it."""

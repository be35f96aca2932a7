"""A target whose module cannot be imported."""

raise RuntimeError("at import")

"""Tokens, links, visitors, and erasure."""

"""Servers that stand in for networks the tests can't reach; each one speaks real HTTP."""

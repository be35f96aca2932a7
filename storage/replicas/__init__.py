"""Replicas: who is alive, what waits, and what they tell each other."""

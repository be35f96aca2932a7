"""Replicas: which ones are alive, waiting work, and their notifications."""

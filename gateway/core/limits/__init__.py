"""Rates and shares: slots shared between users, rate limits, and connections that make room. Pure counting."""

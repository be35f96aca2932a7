"""Accounts that are linked, visitors who are identified, users who are erased."""

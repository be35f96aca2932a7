"""Delivery of replies, chunk by chunk, to networks that they are pushed to."""

"""Authentication without HTTP: API tokens, one-time codes, JWTs of the customer's login, and passes of anonymous visitors."""

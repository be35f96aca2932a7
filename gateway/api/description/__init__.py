"""`/openapi.json` and `/docs`: the HTTP API, described."""

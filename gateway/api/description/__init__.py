"""`/openapi.json` and `/docs`: descriptions of the HTTP API."""

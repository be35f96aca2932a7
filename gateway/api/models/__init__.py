"""The JSON of responses: each model describes it in `/openapi.json`, and serializes it."""

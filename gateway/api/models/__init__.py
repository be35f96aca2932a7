"""The JSON of answers: each model describes it in `/openapi.json`, and writes it."""

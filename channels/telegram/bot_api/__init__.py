"""HTTP calls to a Bot API server: requests, the meaning of responses and errors, and when a request may be sent."""

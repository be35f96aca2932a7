"""The routes below `/api` and the web pages: one file per resource."""

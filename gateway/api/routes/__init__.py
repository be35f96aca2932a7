"""The routes below `/api` and the pages people open: one file for each resource."""

"""The seams: what the core needs from the edges. Each edge is built in `gateway.app` and passed in."""

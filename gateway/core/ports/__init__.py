"""The ports: what the core needs from the edges. Each implementation is built in `gateway.app` and passed in."""

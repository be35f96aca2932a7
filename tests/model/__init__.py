"""A small model of sessions, turns and leases: all of its interleavings are explored, and Postgres is compared with it."""

"""How tasks run in the background, wait for an event or a time, and repeat what a store did not answer."""

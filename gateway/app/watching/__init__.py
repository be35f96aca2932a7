"""Watches a running gateway: readiness, gauges, its leases and its event loop."""

"""The conformance suites: `turngate.testing.channels` for channels, `turngate.testing.agents` for agents."""

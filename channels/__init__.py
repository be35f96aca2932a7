"""The channels for networks and WebSockets: one folder each, and one table of networks in `channels.table`."""

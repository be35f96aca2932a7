"""The networks people write from: one folder each, and one table of their names in `channels.table`."""

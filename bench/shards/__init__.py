"""The real schema split over two Postgres servers by user, and its transcript split by month: `python -m bench shards`."""

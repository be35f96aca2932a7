"""The composition root: builds everything, runs it, drains it. `gateway.cli` calls nothing else."""

"""Turns: an agent's attempts, one after another, up to exactly one recorded reply; and taking over the turns of dead replicas."""

"""Session titles, made while turns go on."""

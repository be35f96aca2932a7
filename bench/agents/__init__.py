"""What kinds of agents add to calling their libraries directly."""

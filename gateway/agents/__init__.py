"""Agent kinds behind one interface: a turn in, events out."""

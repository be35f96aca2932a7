"""Kinds of agents behind one seam: a turn in, events out."""

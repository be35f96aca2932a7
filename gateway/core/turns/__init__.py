"""Turns: the attempts of an agent, one after another, to exactly one recorded reply; and the work of the dead taken over."""

"""The checks of `turngate doctor`."""

"""The ports to what is stored about users."""

"""How much and how often: slots shared between users, rates, and connections that make room. Pure counting."""

"""AG-UI, the Agent User Interaction Protocol: a turn as its request, its events as the gateway's."""

"""What text, JSON and metadata may contain, and how they are cleaned."""

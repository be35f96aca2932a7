"""What comes from Telegram: updates by polling or webhook, normalized, settled, and the links that people make there."""

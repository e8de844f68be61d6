"""The matched multi-frequency filter."""

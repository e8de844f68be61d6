"""Networks for clusters."""

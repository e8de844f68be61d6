"""Architectures in torch: our own networks, and the published ones in a form that can be trained."""

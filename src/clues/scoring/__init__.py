"""Channels: one number per row from a model at a checkpoint, higher is better data."""

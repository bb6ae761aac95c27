"""Rows scored from a training that happens anyway."""

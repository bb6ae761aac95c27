"""Measured speed, memory and agreement of scoring, side by side with other libraries (see README.md here)."""

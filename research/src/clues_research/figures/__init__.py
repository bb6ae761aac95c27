"""The main job's figures: larger runs of it, and the README's table."""

from pathlib import Path

JOB = Path(__file__).with_name("figures.toml")
"""The main job at a larger size."""

"""Answers that models write, on disk, measured against the references."""

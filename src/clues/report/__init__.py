"""The pages, made from a run's files alone; needs no torch."""

"""Research with clues: the main job's figures, the selection study, the paper in miniature. Run from a clone."""

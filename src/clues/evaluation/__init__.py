"""How good a model and a selection are; the only layer that reads the label of spoiled rows."""

"""The selection study: channel tables of spoiled mixtures, and all that is computed from them without a model."""

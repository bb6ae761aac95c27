"""Known damage: good answers spoiled in a known way."""

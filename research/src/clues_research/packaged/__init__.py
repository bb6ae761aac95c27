"""How the data that ship with clues were chosen."""

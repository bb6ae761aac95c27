"""Files of clues on disk: written whole or not at all, and read in our version alone."""

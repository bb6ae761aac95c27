"""One owner alone: rows scored, decided on, and written with a page."""

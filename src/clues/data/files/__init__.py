"""Files of rows: every format read, listed and written."""

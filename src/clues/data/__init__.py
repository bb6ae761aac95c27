"""Rows: reading, tokens with a response mask, batches, damage, overlap, samples."""

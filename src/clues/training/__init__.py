"""Local fine-tuning of an adapter."""

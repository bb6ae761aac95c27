"""Base models and LoRA adapters."""

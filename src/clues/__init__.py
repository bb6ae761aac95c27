"""Data quality control for collaborative LLM fine-tuning."""

__version__ = "0.1.0"

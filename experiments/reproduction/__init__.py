"""The paper's tables and figures in miniature, each beside its claim."""

"""What a model knows: multiple-choice questions, asked by lm-eval."""

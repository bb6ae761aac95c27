"""Labels, choices and short answers: worlds with wrong labels, rivals by their formulas, what a model is worth after."""

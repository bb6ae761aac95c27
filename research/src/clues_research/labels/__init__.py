"""Labels, choices and short answers: worlds with wrong labels, rivals by their formulas, what is learnt of them."""

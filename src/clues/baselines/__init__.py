"""Other ways to score rows, behind the same contract as ours."""

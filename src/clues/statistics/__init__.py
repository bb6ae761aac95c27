"""Statistics that know no label: ranking, shares, intervals, paired differences."""

"""Speed and memory of `exfilwatch detect`, as ratios to other programs measured in the same run."""

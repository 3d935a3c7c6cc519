"""The grid of defensible choices: what they are, the verdict of each claim under each combination, and which choice decides."""

"""Detection of tracking errors: from a frame to the probability of an error."""

"""The published networks MaxiMask and MaxiTrack, from their SavedModels."""

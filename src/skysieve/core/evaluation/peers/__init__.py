"""Programs that run other people's detectors, in environments of their own: nothing here imports Skysieve."""

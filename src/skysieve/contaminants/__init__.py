"""The first job: what each pixel of a frame is."""

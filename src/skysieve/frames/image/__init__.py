"""A frame as a network sees it: sky, noise, tiles, and how unlike the training frames it is."""

"""Reports of masks: static pages for a browser, to look at masks and note verdicts."""

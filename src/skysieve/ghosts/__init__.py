"""The third job: reflections and scattered light on whole focal planes."""

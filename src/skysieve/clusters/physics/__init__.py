"""Bands, units and spectra of the microwave sky, masses and gas of clusters."""

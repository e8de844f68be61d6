"""Bands, units and spectra of the microwave sky; masses, sizes and gas profiles of clusters."""

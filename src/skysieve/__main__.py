"""``python -m skysieve``."""

from skysieve.cli.start import main

if __name__ == "__main__":
    main()

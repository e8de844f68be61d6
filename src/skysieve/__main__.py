"""``python -m skysieve``."""

from skysieve.cli.app import main

if __name__ == "__main__":
    main()

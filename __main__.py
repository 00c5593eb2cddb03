"""`python -m cotkit`: the same as the `cotkit` command."""

from .cli import main

if __name__ == "__main__":
    main()

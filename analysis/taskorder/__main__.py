"""`python -m taskorder` is `taskorder`."""

from taskorder.cli import main

if __name__ == "__main__":
    main()

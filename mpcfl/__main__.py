"""`python -m mpcfl`: the command line."""

from mpcfl.cli import main

if __name__ == "__main__":
    main()

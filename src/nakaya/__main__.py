"""`python -m nakaya`: the same as the `nakaya` command."""

from nakaya.cli.app import main

if __name__ == "__main__":
    main()

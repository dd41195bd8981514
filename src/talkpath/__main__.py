"""`python -m talkpath`."""

from talkpath.cli import main

if __name__ == "__main__":
    main()

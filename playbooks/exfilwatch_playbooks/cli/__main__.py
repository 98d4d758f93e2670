"""`python -m exfilwatch_playbooks.cli`."""

from exfilwatch_playbooks.cli.boundary import main

if __name__ == "__main__":
    main()

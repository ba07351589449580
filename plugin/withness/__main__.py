"""`python -m withness` is the console command."""

from withness.cli import main

if __name__ == "__main__":
    main()

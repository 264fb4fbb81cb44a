"""Parts of make_goldens.py: each module records the numbers of one area."""

"""A notebook in a kernel of its own, started anew or forked from one that has the libraries."""

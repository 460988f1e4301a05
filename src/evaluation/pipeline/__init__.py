"""From a study file to a page on disk: run the notebook, render it, write it whole or not at all."""

"""Engines: who does the jobs of a batch besides this process. Tasks and pipelines know nothing of them."""

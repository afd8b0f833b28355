"""Catalogue files: workflows and clients in YAML or JSON."""

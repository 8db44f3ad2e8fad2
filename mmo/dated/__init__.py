"""Dated terms: documents with versions that begin and end in time, each approved by two people."""

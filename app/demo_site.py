"""The demo's regency: roster, sites and shifts laid around the moment it runs, written as the CSV files of any site."""

from __future__ import annotations

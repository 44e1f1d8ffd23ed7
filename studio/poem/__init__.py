"""Poems: quatrains in classical Chinese and in English."""

"""The models and their parts: towers, and the item-item models beside them.

A model here is fitted or computed from histories and returns scores; nothing is selected or exported.
"""

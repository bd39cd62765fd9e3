"""The commands of kubectl, one file each (or one for a small family)."""

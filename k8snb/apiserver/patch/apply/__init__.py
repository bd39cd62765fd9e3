"""Server-side apply: field sets, who manages them, and what an apply or a plain write does to that."""

"""placeholder"""
class Classes:
    def __init__(self, cache): pass
    def of(self, *a): return None

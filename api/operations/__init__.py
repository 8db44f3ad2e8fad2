"""Operations: movements whose process does not go on, and how they are mended."""

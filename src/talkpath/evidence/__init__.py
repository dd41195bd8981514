"""What a check leaves behind so that anybody can judge it again."""

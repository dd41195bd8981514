"""What an observatory is given, keeps and answers."""

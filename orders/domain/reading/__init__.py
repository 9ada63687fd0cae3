"""What people and scanners typed, brought to one form: texts, phones, printed codes."""

"""What a report rests on, by content, and what is known of how it was last made."""

"""What is kept by score: which keep holds for a document, what it comes to over the whole run, and what would feed."""

"""Mail: messages, the queue that sends them, and the ways to deliver them."""
